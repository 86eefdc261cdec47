//! The bytes of RDB and AOF: what DUMP, RESTORE and the check tools need
