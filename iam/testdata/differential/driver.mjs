// Answers simulations, one JSON object a line on stdin, one JSON object a line on stdout:
//
//   {"id":1,"simulation":{…}}  →  {"id":1,"outcome":"Allowed"} or {"id":1,"problem":"why it did not run"}
//
// The only argument is a directory whose node_modules has @cloud-copilot/iam-simulate. The first line that is
// written names the version that answers.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const name = '@cloud-copilot/iam-simulate'
const require = createRequire(join(process.argv[2], 'here.cjs'))
const main = require.resolve(name)
const { runSimulation } = await import(pathToFileURL(main).href)

function version() {
  for (let folder = dirname(main); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      if (about.name === name) return about.version
    } catch {
      // no package.json here: look further up
    }
  }
  return 'unknown'
}

async function answer(id, simulation) {
  try {
    const result = await runSimulation(simulation, { simulationMode: 'Strict' })
    if (result.resultType === 'error') return { id, problem: JSON.stringify(result.errors) }
    const ignored = result.result?.ignoredContextKeys ?? []
    if (ignored.length > 0) return { id, problem: `ignored context keys: ${ignored.join(' ')}` }
    return { id, outcome: result.overallResult }
  } catch (error) {
    return { id, problem: String(error) }
  }
}

process.stdout.write(JSON.stringify({ version: version() }) + '\n')
for await (const line of createInterface({ input: process.stdin })) {
  const { id, simulation } = JSON.parse(line)
  process.stdout.write(JSON.stringify(await answer(id, simulation)) + '\n')
}
