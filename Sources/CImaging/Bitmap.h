#ifndef Bitmap_h
#define Bitmap_h

#include <stddef.h>

/// The pixels of a Windows bitmap over white, rows x columns x (red, green, blue), from the top, freed by `free`; NULL with
/// a reason where they cannot be read.
unsigned char *bitmap_read(const unsigned char *file, size_t length, int *rows, int *columns, const char **reason);

#endif
