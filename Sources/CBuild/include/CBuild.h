// What a build was made of.
#ifndef CBUILD_H
#define CBUILD_H

#include <stdint.h>

// The first twelve digits of the commit, where Scripts/package names it; else 0, as SwiftPM evaluates a manifest once and
// would go on to say an old one.
uint64_t build_commit(void);

#endif
