//! What is wrong with the settings: every fault with its place and its remedy, all in one report.

use std::fmt;
use std::path::Path;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};

use super::source::{Place, Source};

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    key: String,
    what: String,
    remedy: String,
    place: Option<Place>,
}

/// Everything that is wrong; never empty when it is an error.
#[derive(Debug, Clone, Default)]
pub struct Report(Vec<Fault>);

/// A fault as a program reads it.
#[derive(Debug, serde::Serialize)]
pub struct Line<'a> {
    pub file: Option<String>,
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub variable: Option<&'a str>,
    pub key: &'a str,
    pub what: &'a str,
    pub remedy: &'a str,
}

impl Fault {
    pub(super) fn at(place: &Place, key: &str, what: String, remedy: String) -> Self {
        Self { key: key.to_owned(), what, remedy, place: Some(place.clone()) }
    }

    /// A fault of something that the settings lead to: a policy, a certificate, an upstream.
    #[must_use]
    pub fn of(key: &str, what: String, remedy: &str) -> Self {
        Self { key: key.to_owned(), what, remedy: remedy.to_owned(), place: None }
    }

    /// A fault in another file than the settings', which the settings lead to; the line counts from 1.
    #[must_use]
    pub fn in_file(
        (file, line): (&Path, Option<usize>),
        key: &str,
        what: String,
        remedy: &str,
    ) -> Self {
        let text = line.and_then(|line| Some((line, std::fs::read_to_string(file).ok()?)));
        let place = match text {
            Some((line, text)) => {
                let before = text.split_inclusive('\n').take(line.saturating_sub(1));
                let start: usize = before.map(str::len).sum();
                let rest = text.get(start..).unwrap_or_default();
                let end = start + rest.find('\n').unwrap_or(rest.len());
                Place::File { source: Source::shared(file, &text), span: start..end }
            }
            None => Place::Whole(file.to_owned()),
        };
        Self::at(&place, key, what, remedy.to_owned())
    }

    /// The same in the form that a program reads.
    #[must_use]
    pub fn line(&self) -> Line<'_> {
        let mut line = Line {
            file: None,
            line: None,
            column: None,
            variable: None,
            key: &self.key,
            what: &self.what,
            remedy: &self.remedy,
        };
        match &self.place {
            Some(Place::File { source, span }) => {
                let (number, column) = source.line_and_column(span.start);
                line.file = Some(source.path().display().to_string());
                line.line = Some(number);
                line.column = Some(column);
            }
            Some(Place::Whole(path)) => line.file = Some(path.display().to_string()),
            Some(Place::Variable(name)) => line.variable = Some(name),
            Some(Place::Default(_)) | None => {}
        }
        line
    }
}

impl Report {
    pub(super) fn note(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// As one reads: by file, line and column; what has no place comes last.
    pub(super) fn in_order(&mut self) {
        self.0.sort_by_cached_key(|fault| {
            let line = fault.line();
            (
                line.file.is_none(),
                line.file,
                line.line,
                line.column,
                line.variable.map(str::to_owned),
            )
        });
    }

    /// Adds what was found elsewhere.
    pub fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults);
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }

    /// The report for people, with the lines that are meant; in colour where a terminal shows it.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let theme =
            if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        // The remedy of what is wrong elsewhere is often a command: whoever copies it must get it in one piece.
        let handler = |fault: &Fault| {
            GraphicalReportHandler::new_themed(theme.clone())
                .with_width(100)
                .with_wrap_lines(fault.place.is_some())
                .with_context_lines(1)
                .with_links(false)
        };
        let mut text = String::new();
        for fault in &self.0 {
            if handler(fault).render_report(&mut text, &Shown::of(fault)).is_err() {
                text.push_str(&fault.to_string());
            }
            text.push('\n');
        }
        text
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line();
        if let Some(file) = &line.file {
            write!(f, "{file}")?;
        }
        if let (Some(number), Some(column)) = (line.line, line.column) {
            write!(f, ":{number}:{column}")?;
        }
        if let Some(variable) = line.variable {
            write!(f, "{variable}")?;
        }
        let separator = if line.file.is_some() || line.variable.is_some() { ": " } else { "" };
        write!(f, "{separator}{}: {} ({})", self.key, self.what, self.remedy)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

/// A fault in the form that miette draws: only the masked text goes in.
#[derive(Debug)]
struct Shown {
    message: String,
    remedy: String,
    text: Option<Lines>,
    label: Option<LabeledSpan>,
}

impl Shown {
    fn of(fault: &Fault) -> Self {
        let mut message = format!("{}: {}", fault.key, fault.what);
        let (mut text, mut label) = (None, None);
        match &fault.place {
            Some(Place::File { source, span }) => {
                let name = source.path().display().to_string();
                text = Some(Lines { name, text: source.shown() });
                label = Some(LabeledSpan::underline(span.clone()));
            }
            Some(Place::Whole(path)) => message = format!("{}: {message}", path.display()),
            Some(Place::Variable(name)) => message = format!("{name}: {message}"),
            Some(Place::Default(_)) | None => {}
        }
        Self { message, remedy: fault.remedy.clone(), text, label }
    }
}

/// Shows the lines of a span whole, and none of their neighbours.
#[derive(Debug)]
struct Lines {
    name: String,
    text: String,
}

impl SourceCode for Lines {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (mut start, mut end) = (span.offset(), span.offset() + span.len());
        // without context, the place alone is asked for
        if before > 0 {
            let (head, tail) = (self.text.get(..start), self.text.get(end..));
            let (head, tail) = head.zip(tail).ok_or(MietteError::OutOfBounds)?;
            start = head.rfind('\n').map_or(0, |at| at + 1);
            end += tail.find('\n').unwrap_or(tail.len());
        }
        let whole = SourceSpan::new(start.into(), end - start);
        let inner = self.text.read_span(&whole, 0, 0)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            inner.data(),
            whole,
            inner.line(),
            inner.column(),
            inner.line_count(),
        )))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.remedy))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.text.as_ref().map(|text| {
            let text: &dyn SourceCode = text;
            text
        })
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.label.clone()?;
        Some(Box::new(std::iter::once(label)))
    }
}
