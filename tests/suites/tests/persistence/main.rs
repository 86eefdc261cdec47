//! Data on disk, on live servers: points in time, kills, disks that fail, damaged files, and genuine redis-server both ways.

mod kill_loop;
