//! Listeners, sockets and the poller
