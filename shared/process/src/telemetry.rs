//! Logs and traces.
//!
//! Logs go to standard output: readable on a terminal, one JSON object a line elsewhere. `RUST_LOG` chooses what is logged
//! (`info` by default). With `OTEL_EXPORTER_OTLP_ENDPOINT` set, spans are exported over OTLP (HTTP, protobuf); the standard
//! `OTEL_*` settings say how.

use std::io::IsTerminal;

use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, filter, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use crate::settings::{self, SettingError};

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("traces cannot be exported")]
    Exporter(#[from] ExporterBuildError),
    #[error("telemetry was already set up")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// What is to be done before the process ends.
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sends the spans that are still held. It blocks for as long as the exporter allows itself.
    pub fn flush(self) {
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown()) {
            tracing::warn!(%error, "the last spans may be lost");
        }
    }
}

/// Sets logs and traces up for this process; `name` becomes the traces' `service.name` unless `OTEL_SERVICE_NAME` says otherwise.
pub fn init(name: &'static str) -> Result<Telemetry, TelemetryError> {
    let traces = settings::optional("OTEL_EXPORTER_OTLP_ENDPOINT").map(|_| exporter(name)).transpose()?;
    let spans = traces.as_ref().map(|traces| {
        let only_ours = filter::filter_fn(|metadata| metadata.target().starts_with("configmgt"));
        tracing_opentelemetry::layer().with_tracer(traces.tracer("configmgt")).with_filter(only_ours)
    });
    tracing_subscriber::registry().with(spans).with(logs()?).try_init()?;
    Ok(Telemetry { traces })
}

fn logs<S>() -> Result<Box<dyn Layer<S> + Send + Sync>, SettingError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let wanted = settings::parsed("RUST_LOG", EnvFilter::new("info,async_nats=off,sqlx::postgres::notice=warn"))?;
    let format = tracing_subscriber::fmt::layer();
    Ok(if std::io::stdout().is_terminal() {
        format.compact().with_filter(wanted).boxed()
    } else {
        format.json().flatten_event(true).with_current_span(true).with_span_list(false).with_filter(wanted).boxed()
    })
}

fn exporter(name: &'static str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;
    let mut resource = Resource::builder();
    if settings::optional("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(name);
    }
    let traces = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    global::set_tracer_provider(traces.clone());
    Ok(traces)
}
