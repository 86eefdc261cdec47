//! RESP2 and RESP3: bytes to slices, values to bytes; no sockets
