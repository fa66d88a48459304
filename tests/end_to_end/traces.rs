use std::collections::HashMap;

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{Span, span::SpanKind},
};
use prost::Message;
use tokio::{net::TcpListener, sync::mpsc};

use crate::running::{Running, TOKEN};

/// Receives spans over OTLP, with the name of the process they come from.
pub(crate) async fn collector() -> (String, mpsc::UnboundedReceiver<(String, Span)>) {
    let (spans, received) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let receive = async |State(spans): State<mpsc::UnboundedSender<(String, Span)>>, body: Bytes| {
        for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
            let attributes = &resource.resource.as_ref().unwrap().attributes;
            let process = attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
            let process = format!("{:?}", process.value.as_ref().unwrap().value.as_ref().unwrap());
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                let _ = spans.send((process.clone(), span.clone()));
            }
        }
    };
    let router = Router::new().route("/v1/traces", post(receive)).with_state(spans);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, received)
}

#[tokio::test]
async fn one_trace_leads_from_the_request_over_the_bus_into_the_sql() {
    let (url, mut received) = collector().await;
    let running =
        Running::with_settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "50")])
            .await;
    let trace_id = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128;
    let request = running.client.get(running.url("/configmgt/api/2.0/meetingrooms/1"));
    let request =
        request.header("X-Auth-Token", TOKEN).header("traceparent", format!("00-{trace_id:032x}-b7ad6b7169203331-01"));
    assert_eq!(request.send().await.unwrap().status(), 404);

    let mut spans: HashMap<i32, Vec<(String, Span)>> = HashMap::new();
    while spans.values().map(Vec::len).sum::<usize>() < 4 {
        let (process, span) = received.recv().await.unwrap();
        if span.trace_id == trace_id.to_be_bytes() {
            spans.entry(span.kind).or_default().push((process, span));
        }
    }
    let of = |kind: SpanKind, process: &str| {
        let found = spans[&(kind as i32)].iter().find(|(from, _)| from.contains(process));
        found.unwrap_or_else(|| panic!("no {kind:?} span of {process}: {spans:?}")).1.clone()
    };
    let request = of(SpanKind::Server, "configmgt-edge");
    let asking = of(SpanKind::Client, "configmgt-edge");
    let handling = of(SpanKind::Server, "configmgt-meetingroom");
    let sql = of(SpanKind::Client, "configmgt-meetingroom");
    assert_eq!(
        [&request.name, &asking.name, &handling.name, &sql.name],
        [
            "GET /configmgt/api/2.0/meetingrooms/{id}",
            "configmgt.request.meetingroom.meetingrooms.get",
            "meetingrooms-get",
            "SELECT meetingroom"
        ]
    );
    assert_eq!(request.parent_span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
    assert_eq!(asking.parent_span_id, request.span_id);
    assert_eq!(handling.parent_span_id, asking.span_id);
    assert_eq!(sql.parent_span_id, handling.span_id);
}
