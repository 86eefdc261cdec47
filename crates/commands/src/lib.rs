//! Every command: its row of metadata beside its handler, family by family
