package gateway

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
)

const ec2Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

// encodeResult writes an operation's output in the protocol of its service.
func (x *exchange) encodeResult(out any) ([]byte, *Error) {
	body, err := x.encode(out)
	if err != nil {
		x.gw.cfg.OnError(err)
		return nil, internalFailure()
	}
	return body, nil
}

func (x *exchange) encode(out any) ([]byte, error) {
	if x.protocol == JSON11 {
		return encodeJSON(out)
	}
	name := x.call.Operation
	doc := xmlWriter{item: "member"}
	if x.protocol == EC2Query {
		doc.item = "item"
		doc.buf.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<" + name + `Response xmlns="` + ec2Namespace + `">`)
		doc.element("requestId", x.call.RequestID)
		if err := doc.fields(reflect.ValueOf(out)); err != nil {
			return nil, err
		}
		doc.buf.WriteString("</" + name + "Response>")
		return doc.buf.Bytes(), nil
	}
	doc.buf.WriteString("<" + name + `Response xmlns="` + x.svc.Namespace + `">`)
	if err := doc.result(name+"Result", reflect.ValueOf(out)); err != nil {
		return nil, err
	}
	doc.buf.WriteString("<ResponseMetadata>")
	doc.element("RequestId", x.call.RequestID)
	doc.buf.WriteString("</ResponseMetadata></" + name + "Response>")
	return doc.buf.Bytes(), nil
}

// writeError answers with an error in the shape of the protocol.
func (x *exchange) writeError(w http.ResponseWriter, e *Error) {
	switch x.protocol {
	case RESTXML:
		x.writeRESTError(w, e)
	case JSON11:
		// A struct of two strings always encodes.
		body, _ := json.Marshal(struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}{e.Code, e.Message})
		w.Header().Set("X-Amzn-ErrorType", e.Code)
		if x.r.Header.Get("X-Amzn-Query-Mode") == "true" { // a client whose users know the codes of Query
			w.Header().Set("X-Amzn-Query-Error", e.Code+";"+side(e))
		}
		x.send(w, e.HTTPStatus(), body)
	case EC2Query:
		var doc xmlWriter
		doc.buf.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Response><Errors><Error>")
		doc.element("Code", e.Code)
		doc.element("Message", e.Message)
		doc.buf.WriteString("</Error></Errors>")
		doc.element("RequestID", x.call.RequestID)
		doc.buf.WriteString("</Response>")
		x.send(w, e.HTTPStatus(), doc.buf.Bytes())
	default:
		if x.foreign && x.form.Get("Action") == "" && !restXML[x.scope()] {
			x.protocol = JSON11 // what is neither known nor a Query request is a REST service that speaks JSON
			x.writeError(w, e)
			return
		}
		if x.foreign { // whoever cannot read the body takes the code from here
			w.Header().Set("X-Amzn-ErrorType", e.Code)
		}
		x.send(w, e.HTTPStatus(), x.queryError(e))
	}
}

// restXML are the services, of those that are not served, whose clients read XML (aws.protocols#restXml in their models).
var restXML = map[string]bool{"cloudfront": true, "route53": true, "s3": true}

// queryError is the XML of an error.
func (x *exchange) queryError(e *Error) []byte {
	var doc xmlWriter
	doc.buf.WriteString("<ErrorResponse")
	if x.svc != nil {
		doc.buf.WriteString(` xmlns="` + x.svc.Namespace + `"`)
	}
	doc.buf.WriteString("><Error>")
	doc.element("Type", side(e))
	doc.element("Code", e.Code)
	doc.element("Message", e.Message)
	doc.buf.WriteString("</Error>")
	doc.element("RequestId", x.call.RequestID)
	doc.buf.WriteString("</ErrorResponse>")
	return doc.buf.Bytes()
}

// side says whose fault an error is.
func side(e *Error) string {
	if e.HTTPStatus() >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

func (x *exchange) send(w http.ResponseWriter, status int, body []byte) {
	kind := "text/xml;charset=UTF-8"
	if x.protocol == JSON11 {
		kind = "application/x-amz-json-1.1"
		if x.svc != nil && x.svc.AlsoJSON {
			kind = "application/x-amz-json-1.0"
		}
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Amzn-Requestid", x.call.RequestID)
	w.WriteHeader(status)
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(body)
}
