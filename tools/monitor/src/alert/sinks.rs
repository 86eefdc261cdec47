//! Where events go: the log always, webhooks and programs if configured.
//!
//! ```toml
//! [[sink]]
//! type = "webhook"
//! url = "https://hooks.example/..."
//! shape = "slack"                       # or "json" (the default): the event's fields
//!
//! [[sink]]
//! type = "exec"                         # the event as JSON on stdin, its parts as CARNELIAN_* variables
//! command = ["/usr/local/bin/page", "redis"]
//! ```
//!
//! One thread delivers, so a slow receiver delays other deliveries but never the collector; what does not fit into its queue is
//! dropped with a line in the log.

use super::{Event, Level};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Events that may wait for delivery.
const QUEUE: usize = 256;
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// `[[sink]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum SinkSpec {
    /// POST to a URL.
    Webhook {
        /// Where to; may be a secret, so it is never logged.
        url: String,
        /// The body's form.
        #[serde(default)]
        shape: Shape,
    },
    /// Run a program.
    Exec {
        /// Program and arguments.
        command: Vec<String>,
    },
}

/// The form of a webhook's body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// The event's fields.
    #[default]
    Json,
    /// `{"text": ...}`, as Slack, Mattermost and their like take it.
    Slack,
}

/// The open end of the queue.
pub struct Sinks(SyncSender<Event>);

impl Sinks {
    /// Starts the delivering thread; it ends when the `Sinks` are dropped.
    pub fn start(specs: Vec<SinkSpec>) -> Self {
        let (queue, events) = sync_channel(QUEUE);
        std::thread::spawn(move || deliver(&specs, &events));
        Sinks(queue)
    }

    /// Logs an event and hands it to the sinks unless it is silenced.
    pub fn send(&self, event: &Event) {
        let Event { target, alert, text, .. } = event;
        match event.level {
            Level::Ok => tracing::info!("resolved: {target}: {alert}: {text}"),
            Level::Warning => tracing::warn!("alert: {target}: {alert}: {text}"),
            Level::Critical => tracing::error!("alert: {target}: {alert}: {text}"),
        }
        if !event.silenced && matches!(self.0.try_send(event.clone()), Err(TrySendError::Full(_))) {
            tracing::error!("too many events wait for delivery; dropped {alert} of {target}");
        }
    }
}

fn deliver(specs: &[SinkSpec], events: &Receiver<Event>) {
    for event in events {
        for spec in specs {
            let delivered = match spec {
                SinkSpec::Webhook { url, shape } => post(url, &body(&event, *shape)),
                SinkSpec::Exec { command } => execute(command, &event),
            };
            if let Err(why) = delivered {
                tracing::error!("cannot deliver {} of {}: {why}", event.alert, event.target);
            }
        }
    }
}

/// The body of a webhook.
pub fn body(event: &Event, shape: Shape) -> Value {
    match shape {
        Shape::Json => json!(event),
        Shape::Slack => {
            let word = if event.level == Level::Ok { "resolved" } else { event.level.word() };
            json!({"text": format!("*{word}* `{}` on {}: {}\n{}", event.alert, event.target, event.text, event.advice)})
        }
    }
}

fn post(url: &str, body: &Value) -> Result<(), String> {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build();
    let agent = ureq::Agent::new_with_config(config);
    let sent = agent.post(url).header("Content-Type", "application/json").send(body.to_string());
    // The error of a status has no URL in it; others might, and a hook's URL is a secret.
    sent.map(drop).map_err(|error| match error {
        ureq::Error::StatusCode(code) => format!("the webhook answered {code}"),
        ureq::Error::Timeout(_) => "the webhook took too long".into(),
        _ => "the webhook cannot be reached".into(),
    })
}

fn execute(command: &[String], event: &Event) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("the command is empty")?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("CARNELIAN_TARGET", &event.target)
        .env("CARNELIAN_ALERT", event.alert)
        .env("CARNELIAN_LEVEL", event.level.word())
        .env("CARNELIAN_TEXT", &event.text)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input is none the worse.
        let _ = stdin.write_all(json!(event).to_string().as_bytes());
    }
    wait(&mut child, program)
}

/// Waits with patience, then ends the program.
fn wait(child: &mut Child, program: &str) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program}: {status}")),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program}: took too long"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn event() -> Event {
        Event {
            at: 1,
            target: "redis://h".into(),
            alert: "memory",
            level: Level::Critical,
            value: Some(95.0),
            text: "used part of maxmemory is 95 %".into(),
            advice: "Raise it.",
            silenced: false,
        }
    }

    #[test]
    fn shapes() {
        assert_eq!(body(&event(), Shape::Json)["level"], "critical");
        let slack = body(&event(), Shape::Slack);
        assert_eq!(
            slack["text"],
            "*critical* `memory` on redis://h: used part of maxmemory is 95 %\nRaise it."
        );
    }

    #[test]
    fn a_webhook_gets_the_event() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut text = String::new();
            let mut byte = [0; 1];
            while !text.ends_with('}') && stream.read(&mut byte).unwrap() > 0 {
                text.push(char::from(byte[0]));
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            text
        });
        let sinks = Sinks::start(vec![SinkSpec::Webhook { url, shape: Shape::Json }]);
        sinks.send(&Event { silenced: true, alert: "silent", ..event() });
        sinks.send(&event());
        let request = receiver.join().unwrap();
        assert!(request.starts_with("POST /hook ") && request.contains(r#""alert":"memory""#), "{request}");
    }

    #[test]
    fn a_program_gets_the_event_and_its_failure_is_said() {
        let script =
            "read line; test \"$CARNELIAN_ALERT\" = memory && echo \"$line\" | grep -q '\"value\":95.0'";
        assert_eq!(execute(&["sh".into(), "-c".into(), script.into()], &event()), Ok(()));
        assert!(execute(&["sh".into(), "-c".into(), "exit 3".into()], &event()).unwrap_err().contains('3'));
        assert!(execute(&["/no/such/program".into()], &event()).is_err());
        assert!(execute(&[], &event()).is_err());
    }
}
