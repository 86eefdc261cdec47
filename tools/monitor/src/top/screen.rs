//! The full screen: all servers, one line each, and the chosen one's clients, slow log and commands.
//!
//! Keys: up and down (or `k`, `j`) choose a server, tab (or `1`-`4`) a panel, `v` more columns, space stops the picture, `q` leaves.

use super::Top;
use crate::collect::{Collector, Round};
use crate::columns::{Column, Pairs, Sample};
use crate::facts::{Facts, Parts};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table, TableState, Tabs};
use ratatui::{DefaultTerminal, Frame};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Commands a second that a server's sparkline looks back on.
const HISTORY: usize = 240;
/// Cells of the server's name, its role, and each column.
const SERVER: u16 = 21;
const ROLE: u16 = 8;
const WIDTH: u16 = 6;
const PANELS: [&str; 4] = ["Commands", "Slow log", "Clients", "Server"];

/// Shows until the user leaves; the terminal is as before then, also after a panic.
pub(super) fn run(top: &Top, collector: &Arc<Collector>) -> io::Result<ExitCode> {
    let mut terminal = ratatui::try_init()?;
    let shown = show(&mut terminal, View::new(top), collector);
    ratatui::restore();
    shown.map(|()| ExitCode::SUCCESS)
}

fn show(terminal: &mut DefaultTerminal, mut view: View, collector: &Collector) -> io::Result<()> {
    loop {
        if !view.paused {
            view.update(collector.rounds());
        }
        terminal.draw(|frame| view.draw(frame))?;
        if event::poll(Duration::from_millis(250))?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
        {
            let ends = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            if ends || !view.press(key.code) {
                return Ok(());
            }
        }
    }
}

struct View {
    pairs: Pairs,
    rounds: Vec<Arc<Round>>,
    speeds: BTreeMap<String, VecDeque<u64>>,
    chosen: usize,
    panel: usize,
    verbose: bool,
    color: bool,
    paused: bool,
}

impl View {
    fn new(top: &Top) -> Self {
        View {
            pairs: Pairs::default(),
            rounds: Vec::new(),
            speeds: BTreeMap::new(),
            chosen: 0,
            panel: 0,
            verbose: top.verbose,
            color: !top.no_color,
            paused: false,
        }
    }

    fn update(&mut self, rounds: Vec<Arc<Round>>) {
        let known: BTreeMap<&str, i64> =
            self.rounds.iter().map(|round| (round.target.url.as_str(), round.at)).collect();
        let new: Vec<String> = rounds
            .iter()
            .filter(|round| known.get(round.target.url.as_str()) != Some(&round.at))
            .map(|round| round.target.url.clone())
            .collect();
        self.pairs.update(rounds.clone());
        self.rounds = rounds;
        self.chosen = self.chosen.min(self.rounds.len().saturating_sub(1));
        let Some(speed) = crate::columns::COLUMNS.iter().find(|column| column.name == "cmd/s") else {
            return;
        };
        for sample in self.pairs.samples().filter(|sample| new.contains(&sample.now.target.url)) {
            let history = self.speeds.entry(sample.now.target.url.clone()).or_default();
            if history.len() == HISTORY {
                history.pop_front();
            }
            history.push_back(speed.value(std::iter::once(sample)).unwrap_or(0.0) as u64);
        }
    }

    /// `false` if the key leaves.
    fn press(&mut self, key: KeyCode) -> bool {
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Down | KeyCode::Char('j') => {
                self.chosen = (self.chosen + 1).min(self.rounds.len().saturating_sub(1))
            }
            KeyCode::Up | KeyCode::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Tab | KeyCode::Right => self.panel = (self.panel + 1) % PANELS.len(),
            KeyCode::BackTab | KeyCode::Left => self.panel = (self.panel + PANELS.len() - 1) % PANELS.len(),
            KeyCode::Char(digit @ '1'..='4') => self.panel = digit as usize - '1' as usize,
            KeyCode::Char('v') => self.verbose = !self.verbose,
            KeyCode::Char(' ') => self.paused = !self.paused,
            _ => {}
        }
        true
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let servers =
            u16::try_from(self.rounds.len() + 3).unwrap_or(u16::MAX).min(frame.area().height / 2).max(4);
        let areas = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(servers),
            Constraint::Length(4),
            Constraint::Length(1),
            Constraint::Min(3),
        ]);
        let [head, table, speed, tabs, panel] = areas.areas(frame.area());
        let state = if self.paused { " [stopped]" } else { "" };
        let keys = "  up/down server  tab panel  v columns  space stop  q leave";
        let title = vec![Span::styled("carnelian top", self.strong()), Span::raw(format!("{state}{keys}"))];
        frame.render_widget(Line::from(title), head);
        self.draw_servers(frame, table);
        self.draw_speed(frame, speed);
        frame.render_widget(Tabs::new(PANELS).select(self.panel).highlight_style(self.reverse()), tabs);
        self.draw_panel(frame, panel);
    }

    fn draw_servers(&self, frame: &mut Frame<'_>, area: Rect) {
        let mut columns = Column::shown(self.verbose);
        // What does not fit is left out: squeezed numbers would be wrong ones.
        columns.truncate(usize::from(area.width.saturating_sub(SERVER + ROLE + 4) / (WIDTH + 1)));
        let cells = |samples: Vec<Sample<'_>>| -> Vec<Cell<'static>> {
            let text = |column: &&Column| column.text(column.value(samples.iter().copied()));
            columns.iter().map(|column| Cell::from(format!("{:>6}", text(column)))).collect()
        };
        let mut rows: Vec<Row<'static>> = self
            .rounds
            .iter()
            .map(|round| match &round.outcome {
                Ok(facts) => {
                    let own = self
                        .pairs
                        .samples()
                        .filter(|sample| sample.now.target.url == round.target.url)
                        .collect();
                    let named =
                        [Cell::from(round.target.endpoint.place()), Cell::from(facts.role().to_owned())];
                    Row::new(named.into_iter().chain(cells(own)))
                }
                Err(failure) => Row::new([
                    Cell::from(round.target.endpoint.place()),
                    Cell::from("down"),
                    Cell::from(failure.kind()),
                ])
                .style(self.color(Color::Red)),
            })
            .collect();
        if self.rounds.len() > 1 {
            let all =
                [Cell::from("all"), Cell::from("")].into_iter().chain(cells(self.pairs.samples().collect()));
            rows.push(Row::new(all).style(self.strong()));
        }
        let heads = ["server", "role"].map(str::to_owned).into_iter();
        let head = heads.chain(columns.iter().map(|column| format!("{:>6}", column.name))).map(Cell::from);
        let widths = [Constraint::Length(SERVER), Constraint::Length(ROLE)]
            .into_iter()
            .chain(columns.iter().map(|_| Constraint::Length(WIDTH)));
        let table = Table::new(rows, widths)
            .header(Row::new(head).style(self.strong()))
            .row_highlight_style(self.reverse())
            .block(Block::bordered());
        frame.render_stateful_widget(table, area, &mut TableState::default().with_selected(self.chosen));
    }

    fn draw_speed(&self, frame: &mut Frame<'_>, area: Rect) {
        let Some(round) = self.rounds.get(self.chosen) else { return };
        let room = usize::from(area.width.saturating_sub(2));
        let all = self
            .speeds
            .get(&round.target.url)
            .map(|history| history.iter().copied().collect::<Vec<u64>>())
            .unwrap_or_default();
        let title = format!(" commands a second: {} ", round.target.endpoint.place());
        let line =
            Sparkline::default().data(&all[all.len().saturating_sub(room)..]).style(self.color(Color::Cyan));
        frame.render_widget(line.block(Block::bordered().title(title)), area);
    }

    fn draw_panel(&self, frame: &mut Frame<'_>, area: Rect) {
        let text = match self.rounds.get(self.chosen).map(|round| &round.outcome) {
            None => vec!["No server has answered yet.".to_owned()],
            Some(Err(failure)) => vec![failure.to_string()],
            Some(Ok(facts)) => panel(self.panel, facts),
        };
        let lines: Vec<Line<'_>> = text
            .into_iter()
            .take(usize::from(area.height))
            .map(|line| Line::from(printable(&line)))
            .collect();
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn color(&self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn reverse(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

/// What comes from a server must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '.' } else { c }).collect()
}

fn panel(number: usize, facts: &Facts) -> Vec<String> {
    match number {
        0 => commands(facts),
        1 => slow_calls(facts),
        2 => facts
            .clients
            .iter()
            .map(|client| {
                client.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            })
            .collect(),
        _ => facts
            .info
            .fields()
            .iter()
            .filter(|field| facts.info.is_default(field))
            .map(|field| format!("{:<34} {}", field.name, field.value))
            .collect(),
    }
}

/// The commands that the server has spent most time in.
fn commands(facts: &Facts) -> Vec<String> {
    let mut all: Vec<(f64, f64, &str)> = facts
        .info
        .fields()
        .iter()
        .filter_map(|field| {
            let parts = Parts::of(&field.value);
            Some((parts.number("usec")?, parts.number("calls")?, field.name.strip_prefix("cmdstat_")?))
        })
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let head = format!("{:<24} {:>12} {:>14} {:>12}", "command", "calls", "seconds", "us a call");
    let line = |(usec, calls, name): (f64, f64, &str)| {
        format!(
            "{name:<24} {:>12} {:>14.3} {:>12.2}",
            crate::columns::human(calls, ""),
            usec / 1e6,
            usec / calls.max(1.0)
        )
    };
    std::iter::once(head).chain(all.into_iter().map(line)).collect()
}

fn slow_calls(facts: &Facts) -> Vec<String> {
    let head = format!("{:>8} {:>12}  {:<22} {}", "id", "ms", "client", "command");
    let lines = facts.slowlog.entries.iter().map(|call| {
        format!("{:>8} {:>12.3}  {:<22} {}", call.id, call.took_us as f64 / 1000.0, call.client, call.command)
    });
    std::iter::once(head).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Info;
    use crate::target::Target;
    use crate::wire::Failure;
    use clap::Parser;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn round(url: &str, at: i64, outcome: Result<&str, Failure>) -> Arc<Round> {
        let outcome = outcome.map(|info| Facts { info: Info::parse(info), ..Facts::default() });
        Arc::new(Round {
            at,
            target: Target::parse(url).unwrap(),
            discovered: false,
            took: Duration::ZERO,
            outcome,
        })
    }

    fn picture(view: &View) -> String {
        let mut terminal = Terminal::new(TestBackend::new(120, 24)).unwrap();
        terminal.draw(|frame| view.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn servers_panels_and_keys() {
        let mut view = View::new(&Top::try_parse_from(["--no-color"]).unwrap());
        assert!(picture(&view).contains("No server has answered yet."));
        let info = "role:master\nused_memory:853752\ntotal_commands_processed:0\n# Commandstats\ncmdstat_get:calls=2,usec=10";
        let later = "role:master\nused_memory:853752\ntotal_commands_processed:5000\nbad:\x1b[2J";
        let dead = || round("redis://b", 5, Err(Failure::Timeout("reply")));
        view.update(vec![round("redis://a", 0, Ok(info)), dead()]);
        assert!(picture(&view).contains("get") && picture(&view).contains("834KB"), "{}", picture(&view));
        view.update(vec![round("redis://a", 1000, Ok(later)), dead()]);
        assert!(picture(&view).contains("5.00k"), "{}", picture(&view));
        assert_eq!(view.speeds["redis://a"], [0, 5000]);
        assert!(view.press(KeyCode::Char('4')));
        assert!(picture(&view).contains("bad") && !picture(&view).contains('\x1b'));
        assert!(view.press(KeyCode::Down) && picture(&view).contains("timed out waiting for reply"));
        assert!(view.press(KeyCode::Down) && view.chosen == 1, "the last one is the last");
        assert!(!view.press(KeyCode::Char('q')));
    }
}
