//! Bad input on live servers: after each the server still answers, and its memory stays bounded.
//!
//! Where redis-server has words for it, both servers must answer the same bytes.

mod limits;
mod protocol;
mod storms;

use suites::{Kind, Server};

/// Memory that a test of this file may leave behind: buffers that are kept, an allocator's slack.
const SLACK: u64 = 64 << 20;

/// Our server, watched: whatever a test did to it, in the end it must answer and have stayed small.
struct Watched {
    server: Server,
    before: u64,
}

impl Watched {
    fn start(args: &[&str]) -> Watched {
        let server = Server::start(Kind::Ours, args);
        let before = server.resident_bytes();
        Watched { server, before }
    }

    fn is_bounded(&self) {
        let now = self.server.resident_bytes();
        assert!(now <= self.before + SLACK, "{} MiB resident, {} at the start", now >> 20, self.before >> 20);
    }

    /// The end of a test: a new client is served.
    fn is_well(&self) {
        let mut client = self.server.client();
        let reply = client.line("PING").text();
        assert!(reply == "PONG" || reply.starts_with("NOAUTH"), "{reply}");
        self.is_bounded();
    }
}
