#ifndef Netpbm_h
#define Netpbm_h

#include <stddef.h>

/// Whether a portable bitmap, grey map or pixel map (Netpbm's formats P1 to P4) holds as many samples as its header says.
///
/// libvips reads what is missing of these as zeros; of the other formats it says itself that they are cut short.
int netpbm_is_whole(const unsigned char *bytes, size_t length);

#endif
