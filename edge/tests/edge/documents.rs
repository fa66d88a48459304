use std::collections::BTreeSet;

use configmgt_edge::routes::routes;
use serde_json::{Map, Value, json};

use crate::{answered, application, request};

async fn document() -> Value {
    let answer = answered(&application().await, request("GET", "/configmgt/openapi.json")).await;
    assert_eq!((answer.status, &answer.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    answer.json()
}

/// A path with something in the place of its parameters.
fn address(path: &str) -> String {
    let uuid = "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c11";
    let path = path.replace("{id}", "1").replace("{login}", "jbond").replace("{key}", "preferred_device");
    path.replace("{uuid}", uuid).replace("{listUuid}", uuid)
}

/// Each operation of the document: method, path, and what it says.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    });
    operations.collect()
}

#[tokio::test]
async fn the_document_has_exactly_the_routes() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let table = routes();
    let routes = table.entries().iter().map(|entry| (entry.method.to_string(), entry.path.to_owned()));
    let documented = operations(&document).into_iter().map(|(method, path, _)| (method, path));
    assert_eq!(routes.collect::<BTreeSet<_>>(), documented.collect());
}

#[tokio::test]
async fn the_router_answers_exactly_the_documented_operations() {
    let application = application().await;
    let document = document().await;
    let documented = operations(&document);
    assert!(!documented.is_empty());
    let paths: BTreeSet<&String> = documented.iter().map(|(_, path, _)| path).collect();
    for path in paths {
        let address = address(path);
        let mut answers = BTreeSet::new();
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let answer = answered(&application, request(method, &address)).await;
            let known = answer.status != 405 && answer.json()["error"] != "NotFound";
            if known {
                answers.insert(method.to_owned());
            }
        }
        let of_path = documented.iter().filter(|(_, documented, _)| documented == path);
        assert_eq!(answers, of_path.map(|(method, _, _)| method.clone()).collect(), "{path}");
    }
}

#[tokio::test]
async fn every_operation_is_described_with_examples_and_its_errors() {
    let document = document().await;
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{place}");
        assert!(!operation["description"].as_str().unwrap().is_empty(), "{place}");
        assert!(operation["tags"][0].is_string(), "{place}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{place}");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_path = parameters.filter(|parameter| parameter["in"] == "path");
        assert_eq!(in_path.count(), path.matches('{').count(), "{place}");
        if let Some(body) = operation.get("requestBody") {
            let kind = match method.as_str() {
                "PATCH" => "application/merge-patch+json",
                _ if path.ends_with("/csv") => "text/csv",
                _ => "application/json",
            };
            assert!(body["content"][kind].get("example").is_some(), "{place}");
        }
        let responses = operation["responses"].as_object().unwrap();
        let success: Vec<_> = responses.keys().filter(|status| status.starts_with('2')).collect();
        assert_eq!(success.len(), 1, "{place}");
        let has_location = responses[success[0]]["headers"].get("Location").is_some();
        assert_eq!(has_location, *success[0] == "201", "{place}");
        if *success[0] != "204" {
            let mut contents = responses[success[0]]["content"].as_object().unwrap().values();
            assert!(contents.all(|content| content.get("example").is_some()), "{place}");
        }
        for status in ["401", "500", "503", "504"] {
            let examples = &responses[status]["content"]["application/json"]["examples"];
            assert!(examples.as_object().is_some_and(|examples| !examples.is_empty()), "{place} {status}");
        }
    }
}

#[tokio::test]
async fn every_body_can_be_too_slow_and_too_large() {
    let document = document().await;
    for (method, path, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        let most = if body["content"].get("text/csv").is_some() { 512 * 1024 * 1024 } else { 256 * 1024 };
        let example = |status: &str, code: &str| {
            operation["responses"][status]["content"]["application/json"]["examples"][code]["value"]["message"].clone()
        };
        assert_eq!(example("408", "RequestTimeout"), "the body did not come in time", "{method} {path}");
        let too_large = format!("the body has more than {most} bytes");
        assert_eq!(example("413", "PayloadTooLarge"), too_large, "{method} {path}");
    }
}

#[tokio::test]
async fn everything_the_document_refers_to_is_in_it() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference.clone());
                }
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document().await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.contains("#/components/schemas/MeetingRoom"));
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn an_error_that_holds_more_than_code_and_message_is_documented_with_it() {
    let document = document().await;
    let refused = &document["paths"]["/configmgt/api/2.0/users/csv"]["post"]["responses"]["400"];
    let content = &refused["content"]["application/json"];
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    assert_eq!(content["schema"], json!({"anyOf": [reference("BadCsv"), reference("Error")]}));
    let details = json!({"type": "object", "required": ["errors"], "properties": {"errors": reference("LineErrors")}});
    assert_eq!(document["components"]["schemas"]["BadCsv"], json!({"allOf": [reference("Error"), details]}));
    let reason = "'jdoe' is taken, by another line or before";
    let envelope = json!({"error": "BadCsv", "message": "{errors}",
                          "errors": [{"line": 7, "column": "login", "reason": reason}]});
    assert_eq!(content["examples"]["BadCsv"]["value"], envelope);
}

#[tokio::test]
async fn every_operation_that_is_sent_a_password_hides_it() {
    /// The names of the members that hold a password, of a schema that is the member `name` itself.
    fn passwords(document: &Value, schema: &Value, name: &str, found: &mut BTreeSet<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            passwords(document, document.pointer(&reference[1..]).unwrap(), name, found);
        }
        if schema["format"] == "password" {
            found.insert(name.to_owned());
        }
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            passwords(document, member, name, found);
        }
        let forms = ["oneOf", "allOf", "anyOf"].into_iter().filter_map(|kind| schema[kind].as_array()).flatten();
        for form in forms.chain(schema.get("items")) {
            passwords(document, form, name, found);
        }
    }
    let document = document().await;
    let table = routes();
    let mut hiding = BTreeSet::new();
    for entry in table.entries() {
        let method = entry.method.as_str().to_lowercase();
        let body = &document["paths"][entry.path][&method]["requestBody"]["content"];
        let mut found = BTreeSet::new();
        for content in body.as_object().into_iter().flat_map(Map::values) {
            passwords(&document, &content["schema"], "", &mut found);
        }
        let hidden: BTreeSet<String> = entry.operation.secrets.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(hidden, found, "{method} {}", entry.path);
        if !hidden.is_empty() {
            hiding.insert(entry.operation.name);
        }
    }
    assert_eq!(hiding, BTreeSet::from(["users-create", "users-patch", "users-replace", "validation-validate"]));
}

#[tokio::test]
async fn the_examples_of_requests_are_accepted() {
    let application = application().await;
    let document = document().await;
    for (method, path, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        let content = body["content"].as_object().unwrap().values().next().unwrap();
        let example = &content["example"];
        // A file stands there as it is.
        let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        let answer = answered(&application, crate::with_body(&method, &address(&path), example)).await;
        // Accepted as a request: the rules may still say that what it names is not there or already is.
        let by_rule = (answer.status == 404 && answer.json()["error"] != "NotFound")
            || answer.json()["error"] == "Duplicate"
            || answer.json()["message"].as_str().is_some_and(|message| message.contains("there is no "));
        assert!([200, 201, 204].contains(&answer.status) || by_rule, "{method} {path}: {}", answer.text);
    }
}

fn extension(file: &str) -> Option<&str> {
    std::path::Path::new(file).extension()?.to_str()
}

#[tokio::test]
async fn swagger_ui_comes_from_here_and_from_nowhere_else() {
    let application = application().await;
    let redirect = answered(&application, request("GET", "/configmgt/api")).await;
    assert_eq!((redirect.status, &redirect.headers["location"]), (308, &"/configmgt/api/".parse().unwrap()));
    let index = answered(&application, request("GET", "/configmgt/api/")).await;
    assert_eq!(index.headers["content-type"], "text/html");
    let quoted = index.text.split('"').skip(1).step_by(2);
    let files: Vec<_> = quoted.filter(|text| [Some("css"), Some("js")].contains(&extension(text))).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert!(!file.contains("//"), "{file}");
        let file = file.trim_start_matches("./");
        let answer = application.respond(request("GET", &format!("/configmgt/api/{file}"))).await;
        assert_eq!(answer.status(), 200, "{file}");
    }
    let initializer = answered(&application, request("GET", "/configmgt/api/swagger-initializer.js")).await;
    assert!(initializer.text.contains("/configmgt/openapi.json"));
}
