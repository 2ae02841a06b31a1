# Stands for a migration of the database, which must run once.
echo "migrating to $Version"
