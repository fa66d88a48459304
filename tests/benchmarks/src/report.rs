//! Figures as people read them, and as the check does.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf};

use configmgt_contract::BoxError;

use crate::{cases::Subject, figures::Measured};

/// The ratios of the committed table, by case: the product's rate against the monolith's.
pub(crate) type Ratios = BTreeMap<String, f64>;

/// One line for each subject, on the terminal.
pub(crate) fn say(measured: &Measured) {
    for subject in measured.subjects() {
        println!(
            "{:<26} {:<10} {:>9.1}/s  p50 {:>8.3} ms  p99 {:>8.3} ms  cpu {:>9.1} µs  product {:.2}",
            measured.case.name,
            subject.name(),
            measured.median(subject, |figure| figure.rate),
            measured.median(subject, |figure| figure.p50),
            measured.median(subject, |figure| figure.p99),
            measured.median(subject, |figure| figure.cpu),
            measured.ratio(subject, |figure| figure.rate),
        );
    }
}

/// The table of all figures, in Markdown.
pub(crate) fn table(all: &[Measured]) -> String {
    let mut table = "| measured | of | answers/s | product / it | p50 ms | p99 ms | CPU µs an answer |\n".to_owned();
    table.push_str("|---|---|--:|--:|--:|--:|--:|\n");
    for measured in all {
        for subject in measured.subjects() {
            let ratio = match subject {
                Subject::Product => "1".to_owned(),
                other => format!("{:.2}", measured.ratio(other, |figure| figure.rate)),
            };
            let _ = writeln!(
                table,
                "| {} | {} | {} | {ratio} | {:.2} | {:.2} | {} |",
                measured.case.name,
                subject.name(),
                count(measured.median(subject, |figure| figure.rate)),
                measured.median(subject, |figure| figure.p50),
                measured.median(subject, |figure| figure.p99),
                count(measured.median(subject, |figure| figure.cpu)),
            );
        }
    }
    table
}

/// A number as people write it: no more digits than it is worth.
pub(crate) fn count(number: f64) -> String {
    if number < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let grouped: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    grouped.join(",")
}

/// The rates against the monolith's, as a picture: a bar for each subject of each case, the monolith's as long as the line says.
pub(crate) fn picture(all: &[Measured]) -> String {
    const BAR: u32 = 14;
    const LEFT: u32 = 190;
    const UNIT: f64 = 180.0;
    let mut bars = String::new();
    let mut y = 40;
    for measured in all {
        let _ =
            writeln!(bars, r#"<text x="{}" y="{}" text-anchor="end">{}</text>"#, LEFT - 8, y + BAR, measured.case.name);
        for (subject, colour) in
            [(Subject::Product, "#2563eb"), (Subject::Monolith, "#94a3b8"), (Subject::Pgbench, "#cbd5e1")]
        {
            let to_monolith = measured.median(subject, |figure| figure.rate)
                / measured.median(Subject::Monolith, |figure| figure.rate);
            let width = (to_monolith * UNIT).min(620.0);
            let _ = writeln!(
                bars,
                r#"<rect x="{LEFT}" y="{y}" width="{width:.0}" height="{BAR}" fill="{colour}"/><text x="{:.0}" y="{}" class="n">{to_monolith:.2} {}</text>"#,
                f64::from(LEFT) + width + 5.0,
                y + BAR - 3,
                subject.name(),
            );
            y += BAR + 2;
        }
        y += 12;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="980" height="{y}" font-family="sans-serif" font-size="13">
<style>.n {{ font-size: 11px; fill: #475569 }}</style>
<rect width="980" height="{y}" fill="white"/>
<text x="{LEFT}" y="22">Answers a second, against the monolith's (1.00)</text>
{bars}</svg>
"#
    )
}

pub(crate) fn ratios(all: &[Measured]) -> Ratios {
    let ratio = |measured: &Measured| measured.ratio(Subject::Monolith, |figure| figure.rate);
    all.iter().map(|measured| (measured.case.name.clone(), (ratio(measured) * 100.0).round() / 100.0)).collect()
}

/// Where the committed ratios are.
fn ratios_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("measured.json")
}

pub(crate) fn committed() -> Result<Ratios, BoxError> {
    Ok(serde_json::from_slice(&fs::read(ratios_file())?)?)
}

pub(crate) fn keep(ratios: &Ratios) -> Result<(), BoxError> {
    let mut text = serde_json::to_string_pretty(ratios)?;
    text.push('\n');
    Ok(fs::write(ratios_file(), text)?)
}

/// Puts `text` between the marks `name` of `docs/performance.md`.
pub(crate) fn into_documents(name: &str, text: &str) -> Result<(), BoxError> {
    let path = documents().join("performance.md");
    let page = fs::read_to_string(&path)?;
    let (begin, end) = (format!("<!-- {name}: measured -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = page.split_once(&begin).ok_or_else(|| format!("no mark {begin} in {}", path.display()))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| format!("no mark {end} in {}", path.display()))?;
    Ok(fs::write(&path, format!("{before}{begin}{text}{end}{after}"))?)
}

pub(crate) fn documents() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}
