#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "Bitmap.h"
#include "CImaging.h"
#include "Netpbm.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vips/vips.h>

static pthread_once_t started = PTHREAD_ONCE_INIT;
static int start_failed;

static void ignore(const char *domain, GLogLevelFlags level, const char *message, void *user) {}

static const char *const trusted[] = {
  "VipsForeignLoadJpeg", "VipsForeignLoadPng",  "VipsForeignLoadWebp", "VipsForeignLoadNsgif",
  "VipsForeignLoadTiff", "VipsForeignLoadHeif", "VipsForeignLoadPpm",  "VipsForeignLoadJp2k",
};

static int is_trusted(const char *loader) {
  for (size_t index = 0; index < sizeof trusted / sizeof *trusted; index++) {
    if (strncmp(loader, trusted[index], strlen(trusted[index])) == 0) return 1;
  }
  return 0;
}

static void start(void) {
  start_failed = vips_init("switchback");
  if (start_failed) return;
  // What a file makes libraries say belongs in our errors, not on the terminal.
  g_log_set_default_handler(ignore, NULL);
  // Pictures are decoded side by side, each by one thread, and none twice.
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  // Only the formats of pictures, by loaders that are safe with any bytes.
  vips_operation_block_set("VipsForeignLoad", TRUE);
  for (size_t index = 0; index < sizeof trusted / sizeof *trusted; index++) {
    vips_operation_block_set(trusted[index], FALSE);
  }
}

static int begin(char error[IMAGING_ERROR]) {
  pthread_once(&started, start);
  if (start_failed) snprintf(error, IMAGING_ERROR, "libvips did not start");
  return start_failed;
}

/// Takes libvips' error as one line.
static int failed(char error[IMAGING_ERROR]) {
  char *text = vips_error_buffer_copy();
  size_t length = strcspn(text, "\n");
  if (length == 0) {
    snprintf(error, IMAGING_ERROR, "libvips gave no reason");
  } else {
    snprintf(error, IMAGING_ERROR, "%.*s", (int)VIPS_MIN(length, IMAGING_ERROR - 1), text);
  }
  g_free(text);
  return -1;
}

void imaging_free(unsigned char *bytes) { g_free(bytes); }

unsigned char *imaging_allocate(size_t count) { return g_try_malloc(count > 0 ? count : 1); }

/// Says that a picture's bytes do not hold together. libvips' own words are all threads' together, so they may be about
/// another picture.
static int damaged(char error[IMAGING_ERROR]) {
  vips_error_clear();
  snprintf(error, IMAGING_ERROR, "it is cut short or damaged");
  return -1;
}

/// Reads a Windows bitmap whole.
static VipsImage *open_bitmap(VipsSource *source, char error[IMAGING_ERROR]) {
  size_t length;
  int rows, columns;
  const char *reason = "it is cut short or damaged";
  const void *file = vips_source_map(source, &length);
  unsigned char *pixels = file ? bitmap_read(file, length, &rows, &columns, &reason) : NULL;
  VipsImage *image = pixels ? vips_image_new_from_memory_copy(
    pixels, (size_t)rows * columns * 3, columns, rows, 3, VIPS_FORMAT_UCHAR) : NULL;
  free(pixels);
  vips_error_clear();
  if (image) {
    image->Type = VIPS_INTERPRETATION_sRGB;
  } else {
    snprintf(error, IMAGING_ERROR, "%s", reason);
  }
  return image;
}

/// Whether a portable bitmap or map is cut short, which libvips does not tell of all.
static int is_cut_netpbm(const char *path, char error[IMAGING_ERROR]) {
  GMappedFile *file = g_mapped_file_new(path, FALSE, NULL);
  if (!file) return 0;
  const unsigned char *bytes = (const unsigned char *)g_mapped_file_get_contents(file);
  size_t length = g_mapped_file_get_length(file);
  int is_cut = bytes && !netpbm_is_whole(bytes, length);
  if (is_cut) {
    snprintf(error, IMAGING_ERROR, "it is cut short or damaged%s",
      bytes[1] == '1' ? ", or its pixels stand without blanks between them, which is not read" : "");
  }
  g_mapped_file_unref(file);
  return is_cut;
}

/// Opens a file by its content; of most formats nothing but the header is read yet.
static VipsImage *open_image(const char *path, char error[IMAGING_ERROR]) {
  // Opening a pipe waits for whoever writes to it, and a device may never end.
  struct stat status;
  if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
    snprintf(error, IMAGING_ERROR, "it is %s", S_ISDIR(status.st_mode) ? "a folder" : "no file of bytes but a pipe or device");
    return NULL;
  }
  VipsSource *source = vips_source_new_from_file(path);
  if (!source) {
    vips_error_clear();
    snprintf(error, IMAGING_ERROR, "there is no such file, or it cannot be opened");
    return NULL;
  }
  const unsigned char *first = vips_source_sniff(source, 1);
  if (!first) {
    vips_error_clear();
    snprintf(error, IMAGING_ERROR, "the file is empty");
    g_object_unref(source);
    return NULL;
  }
  VipsImage *image = NULL;
  const unsigned char *two = vips_source_sniff(source, 2);
  if (two && !memcmp(two, "BM", 2)) {
    image = open_bitmap(source, error);
    g_object_unref(source);
    return image;
  }
  const char *loader = vips_foreign_find_load_source(source);
  if (!loader || !is_trusted(loader)) {
    vips_error_clear();
    snprintf(error, IMAGING_ERROR,
      "it is not an image in a format this build reads (JPEG, PNG, WebP, GIF, TIFF, BMP, PPM%s%s)",
      vips_type_find("VipsOperation", "jp2kload_source") ? ", JPEG 2000" : "",
      vips_type_find("VipsOperation", "heifload_source") ? ", HEIF, AVIF" : "");
  } else if (strncmp(loader, trusted[6], strlen(trusted[6])) != 0 || !is_cut_netpbm(path, error)) {
    image = vips_image_new_from_source(
      source, "", "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL);
    if (!image) damaged(error);
    if (!image && strncmp(loader, trusted[4], strlen(trusted[4])) == 0) {
      snprintf(error, IMAGING_ERROR,
        "it is cut short or damaged, or its TIFF samples are of a kind that is not read, such as 16-bit or 64-bit floats");
    }
  }
  g_object_unref(source);
  return image;
}

static int swaps_axes(VipsImage *image) { return vips_image_get_orientation(image) >= 5; }

int imaging_extents(const char *path, int *rows, int *columns, char error[IMAGING_ERROR]) {
  if (begin(error)) return -1;
  VipsImage *image = open_image(path, error);
  if (!image) return -1;
  *rows = swaps_axes(image) ? image->Xsize : image->Ysize;
  *columns = swaps_axes(image) ? image->Ysize : image->Xsize;
  g_object_unref(image);
  return 0;
}

/// Replaces an image by what was made of it; keeps nothing where that failed.
static int step(VipsImage **image, int status, VipsImage *made) {
  g_object_unref(*image);
  *image = status == 0 ? made : NULL;
  return status;
}

/// Whether the embedded profile is another than sRGB.
static int needs_transform(VipsImage *image) {
  const void *profile;
  size_t length;
  if (!vips_image_get_typeof(image, VIPS_META_ICC_NAME)) return 0;
  if (vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &length)) return 0;
  if (image->Type == VIPS_INTERPRETATION_CMYK) return 1;
  // The profile's description, in ASCII or UTF-16.
  return !memmem(profile, length, "sRGB", 4) && !memmem(profile, length, "s\0R\0G\0B", 7);
}

/// Brings samples that are neither bytes nor unsigned shorts to bytes by the range of their format, 0 to 1 for floats; says
/// why where they do not keep to it, or take up so little of it that the picture would be black.
static int ranged(VipsImage **image, char error[IMAGING_ERROR]) {
  static const char *const names[] = {
    "", "8-bit signed", "", "16-bit signed", "32-bit unsigned", "32-bit signed", "32-bit float", "complex",
    "64-bit float", "complex",
  };
  static const double ranges[] = {0, 127, 0, 32767, 4294967295., 2147483647, 1, 0, 1, 0};
  VipsInterpretation type = (*image)->Type;
  VipsBandFormat format = (*image)->BandFmt;
  int bands = (*image)->Bands, most = type == VIPS_INTERPRETATION_CMYK ? 5 : 4;
  if (bands > most) {
    snprintf(error, IMAGING_ERROR, "it has %d bands, which are no picture's colours", bands);
    return -1;
  }
  // Colours of other spaces have ranges of their own, which libvips knows.
  if (format == VIPS_FORMAT_UCHAR || format == VIPS_FORMAT_USHORT || (*image)->Coding != VIPS_CODING_NONE
      || (type != VIPS_INTERPRETATION_B_W && type != VIPS_INTERPRETATION_sRGB && type != VIPS_INTERPRETATION_scRGB
          && type != VIPS_INTERPRETATION_RGB && type != VIPS_INTERPRETATION_MULTIBAND
          && type != VIPS_INTERPRETATION_GREY16 && type != VIPS_INTERPRETATION_RGB16)) {
    return 0;
  }
  double range = ranges[format], low, high, mean;
  if (range == 0) {
    snprintf(error, IMAGING_ERROR, "its samples are %s numbers, which are no picture's", names[format]);
    return -1;
  }
  VipsImage *made = vips_image_copy_memory(*image);
  if (step(image, made ? 0 : -1, made)) return damaged(error);
  // Of samples in memory only those that are no numbers have no mean.
  if (vips_avg(*image, &mean, NULL) || mean != mean) {
    vips_error_clear();
    snprintf(error, IMAGING_ERROR, "some of its samples are no numbers (NaN)");
    return -1;
  }
  if (vips_min(*image, &low, NULL) || vips_max(*image, &high, NULL)) return damaged(error);
  double slack = range == 1 ? 1. / 512 : 0;
  if (!(low >= -slack && high <= range + slack) || (high > 0 && high * 255 < range)) {
    snprintf(error, IMAGING_ERROR,
      "its %s samples are from %g to %g and not from 0 to %.0f; convert it to 8 or 16 bits a sample", names[format],
      low, high, range);
    return -1;
  }
  if (step(image, vips_linear1(*image, &made, 255 / range, 0, NULL), made)) return damaged(error);
  if (step(image, vips_round(*image, &made, VIPS_OPERATION_ROUND_RINT, NULL), made)) return damaged(error);
  if (step(image, vips_cast(*image, &made, VIPS_FORMAT_UCHAR, NULL), made)) return damaged(error);
  made = NULL;
  if (step(image, vips_copy(*image, &made, "interpretation",
        bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB, NULL), made)) {
    return damaged(error);
  }
  return 0;
}

static int standardized(VipsImage **image) {
  VipsImage *made = NULL;
  if (vips_image_get_orientation(*image) > 1) {
    // Turning reads rows out of order, so the picture goes to memory first.
    VipsImage *memory = vips_image_copy_memory(*image);
    if (step(image, memory ? 0 : -1, memory)) return -1;
    if (step(image, vips_autorot(*image, &made, NULL), made)) return -1;
  }
  if (needs_transform(*image)) {
    // A profile that does not fit its picture is passed over, as viewers do.
    if (vips_icc_transform(*image, &made, "srgb", "embedded", TRUE, "depth", 8, NULL) == 0) {
      g_object_unref(*image);
      *image = made;
    } else {
      vips_error_clear();
    }
  }
  if ((*image)->Type != VIPS_INTERPRETATION_sRGB || (*image)->BandFmt != VIPS_FORMAT_UCHAR) {
    if (vips_colourspace(*image, &made, VIPS_INTERPRETATION_sRGB, NULL) == 0) {
      g_object_unref(*image);
      *image = made;
    } else {
      vips_error_clear();
    }
  }
  if (vips_image_hasalpha(*image)) {
    double white[] = {255, 255, 255};
    VipsArrayDouble *background = vips_array_double_new(white, 3);
    int status = vips_flatten(*image, &made, "background", background, NULL);
    vips_area_unref(VIPS_AREA(background));
    if (step(image, status, made)) return -1;
  }
  if ((*image)->BandFmt != VIPS_FORMAT_UCHAR &&
      step(image, vips_cast(*image, &made, VIPS_FORMAT_UCHAR, NULL), made)) {
    return -1;
  }
  if ((*image)->Bands > 3) return step(image, vips_extract_band(*image, &made, 0, "n", 3, NULL), made);
  if ((*image)->Bands < 3) {
    VipsImage *grey[3];
    if (step(image, vips_extract_band(*image, &made, 0, NULL), made)) return -1;
    grey[0] = grey[1] = grey[2] = *image;
    return step(image, vips_bandjoin(grey, &made, 3, NULL), made);
  }
  return 0;
}

/// Computes an image strip by strip on this thread. libvips' own sink hands strips to a thread of its pool, which costs
/// as much as decoding a small picture when every core is busy already.
static int take_pixels(VipsImage *image, imaging_result *result, char error[IMAGING_ERROR]) {
  size_t line = VIPS_IMAGE_SIZEOF_LINE(image);
  result->rows = image->Ysize;
  result->columns = image->Xsize;
  result->bands = image->Bands;
  result->count = line * image->Ysize;
  result->bytes = g_try_malloc(result->count);
  if (!result->bytes) {
    snprintf(error, IMAGING_ERROR, "there is no memory for %d x %d pixels", image->Xsize, image->Ysize);
    return -1;
  }
  VipsRegion *region = vips_region_new(image);
  int status = region ? 0 : -1;
  for (int top = 0; status == 0 && top < image->Ysize; top += 16) {
    VipsRect strip = {0, top, image->Xsize, VIPS_MIN(16, image->Ysize - top)};
    status = vips_region_prepare(region, &strip);
    for (int row = 0; status == 0 && row < strip.height; row++) {
      memcpy(result->bytes + (top + row) * line, VIPS_REGION_ADDR(region, 0, top + row), line);
    }
  }
  if (region) g_object_unref(region);
  if (status == 0) return 0;
  g_free(result->bytes);
  result->bytes = NULL;
  return damaged(error);
}

int imaging_decode(const char *path, double most_pixels, imaging_result *result, char error[IMAGING_ERROR]) {
  if (begin(error)) return -1;
  VipsImage *image = open_image(path, error);
  if (!image) return -1;
  if ((double)image->Xsize * image->Ysize > most_pixels) {
    snprintf(error, IMAGING_ERROR, "it has %d x %d pixels, more than the limit of %.0f million", image->Xsize,
      image->Ysize, most_pixels / 1e6);
    g_object_unref(image);
    return -1;
  }
  if (ranged(&image, error)) {
    if (image) g_object_unref(image);
    return -1;
  }
  if (standardized(&image)) return damaged(error);
  int status = take_pixels(image, result, error);
  g_object_unref(image);
  return status;
}

int imaging_decode_bytes(
  const unsigned char *bytes, size_t count, double most_pixels, imaging_result *result, char error[IMAGING_ERROR]) {
  // A file in memory without a name: what reads files by their paths reads it too.
  int file = memfd_create("picture", MFD_CLOEXEC);
  size_t written = 0;
  while (file >= 0 && written < count) {
    ssize_t more = write(file, bytes + written, count - written);
    if (more <= 0) break;
    written += (size_t)more;
  }
  int status = -1;
  if (file < 0 || written < count) {
    snprintf(error, IMAGING_ERROR, "there is no memory for it");
  } else {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    status = imaging_decode(path, most_pixels, result, error);
  }
  if (file >= 0) close(file);
  return status;
}

int imaging_encode(
  const unsigned char *pixels, int rows, int columns, int bands, imaging_format format, int quality,
  imaging_result *result, char error[IMAGING_ERROR]) {
  if (begin(error)) return -1;
  VipsImage *image = vips_image_new_from_memory(
    pixels, (size_t)rows * columns * bands, columns, rows, bands, VIPS_FORMAT_UCHAR);
  if (!image) return failed(error);
  image->Type = VIPS_INTERPRETATION_sRGB;
  void *bytes = NULL;
  int status = -1;
  switch (format) {
  case imaging_png:
    status = vips_pngsave_buffer(image, &bytes, &result->count, "strip", TRUE, "compression", 6, NULL);
    break;
  case imaging_jpeg:
    status = vips_jpegsave_buffer(image, &bytes, &result->count, "strip", TRUE, "Q", quality, NULL);
    break;
  case imaging_jpeg_sharp:
    status = vips_jpegsave_buffer(image, &bytes, &result->count, "strip", TRUE, "Q", quality, "optimize_coding", TRUE,
      "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_OFF, NULL);
    break;
  case imaging_webp:
    status = vips_webpsave_buffer(image, &bytes, &result->count, "strip", TRUE, "Q", quality, NULL);
    break;
  case imaging_webp_lossless:
    status = vips_webpsave_buffer(image, &bytes, &result->count, "strip", TRUE, "lossless", TRUE, NULL);
    break;
  }
  g_object_unref(image);
  result->bytes = bytes;
  return status ? failed(error) : 0;
}
