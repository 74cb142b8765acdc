//! The results as bars, on a scale of doublings: a step to the right is twice the time.

use std::fmt::Write;

use crate::Row;
use crate::job::Job;
use crate::peers::{OURS, is_mark};
use crate::table::{ours, time};

const ROW: usize = 16;
const LEFT: f64 = 190.0;
const STEP: f64 = 62.0;
const WIDTH: usize = 860;
/// Bars begin at a quarter of the time of smtp-proto.
const LEAST: f64 = 0.25;
/// And end at 64 times.
const STEPS: i32 = 8;

pub(crate) fn draw(jobs: &[(Job, Vec<Row>)]) -> String {
    let rows: usize = jobs.iter().map(|(_, rows)| rows.len() + 2).sum();
    let height = rows * ROW + 60;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"18\" font-size=\"14\">Time for the same job, smtp-proto = 1 (shorter is better; each line is twice the one before)</text>\n"
    );
    scale(&mut svg, height);
    let mut y = 56;
    for (job, rows) in jobs {
        let _ = writeln!(svg, "<text x=\"10\" y=\"{y}\" font-weight=\"bold\">{}</text>", job.name);
        y += ROW;
        for row in rows {
            bar(&mut svg, row, row.nanoseconds / ours(rows), y);
            y += ROW;
        }
        y += ROW;
    }
    svg.push_str("</svg>\n");
    svg
}

fn scale(svg: &mut String, height: usize) {
    for step in 0..=STEPS {
        let (x, ratio) = (LEFT + STEP * f64::from(step), LEAST * f64::from(1 << step));
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"40\" y2=\"{height}\" stroke=\"#dddddd\"/>\
             <text x=\"{x}\" y=\"36\" text-anchor=\"middle\" fill=\"#777777\">{ratio}</text>"
        );
    }
}

fn bar(svg: &mut String, row: &Row, ratio: f64, y: usize) {
    let length = (STEP * (ratio / LEAST).log2()).clamp(2.0, STEP * f64::from(STEPS));
    let colour = match row.name {
        OURS => "#1b6e3c",
        name if is_mark(name) => "#bbbbbb",
        _ => "#5b84b1",
    };
    let less = if row.less.is_empty() { "" } else { " *" };
    let (top, label) = (y - 10, LEFT + length + 5.0);
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{}{less}</text>\
         <rect x=\"{LEFT}\" y=\"{top}\" width=\"{length:.0}\" height=\"12\" fill=\"{colour}\"/>\
         <text x=\"{label:.0}\" y=\"{y}\">{ratio:.2} ({})</text>",
        LEFT - 6.0,
        row.name,
        time(row.nanoseconds)
    );
}
