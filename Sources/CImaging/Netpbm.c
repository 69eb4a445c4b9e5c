#include "Netpbm.h"

typedef struct {
  const unsigned char *next, *end;
} reader;

static int is_blank(unsigned char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

/// Passes over blanks and comments, then over one word; gives where that begins, NULL where there is none.
static const unsigned char *pass_word(reader *text) {
  while (text->next < text->end && (is_blank(*text->next) || *text->next == '#')) {
    if (*text->next == '#') {
      while (text->next < text->end && *text->next != '\n') text->next++;
    } else {
      text->next++;
    }
  }
  const unsigned char *first = text->next;
  while (text->next < text->end && !is_blank(*text->next) && *text->next != '#') text->next++;
  return text->next > first ? first : NULL;
}

/// A whole number below 10^9; -1 where the next word is none.
static long number(reader *text) {
  const unsigned char *first = pass_word(text);
  if (!first || text->next - first > 9) return -1;
  long value = 0;
  for (; first < text->next; first++) {
    if (*first < '0' || *first > '9') return -1;
    value = value * 10 + (*first - '0');
  }
  return value;
}

int netpbm_is_whole(const unsigned char *bytes, size_t length) {
  if (length < 2 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '4') return 1;
  int form = bytes[1];
  reader text = {bytes + 2, bytes + length};
  long columns = number(&text), rows = number(&text);
  if (columns < 1 || rows < 1) return 0;
  if (form == '4') {
    // One blank, then the bits, each row in whole bytes.
    size_t held = text.next < text.end ? (size_t)(text.end - text.next - 1) : 0;
    return held / ((size_t)(columns + 7) / 8) >= (size_t)rows;
  }
  if (form != '1' && number(&text) < 0) return 0;
  size_t samples = (size_t)columns * (size_t)rows * (form == '3' ? 3 : 1);
  // A sample is a byte or more, so that a header cannot ask for more steps than the file has bytes.
  if (samples > length) return 0;
  for (size_t sample = 0; sample < samples; sample++) {
    if (!pass_word(&text)) return 0;
  }
  return 1;
}
