//! Every directive in one table: file, command line, CONFIG GET, SET and REWRITE derive from it
