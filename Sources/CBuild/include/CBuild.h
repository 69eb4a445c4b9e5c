// What a build was made of.
#ifndef CBUILD_H
#define CBUILD_H

#include <stdint.h>

// The first twelve digits of the commit, where Scripts/package compiled it; else 0.
uint64_t build_commit(void);

#endif
