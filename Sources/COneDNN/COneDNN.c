#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "COneDNN.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <dnnl_version.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREE (DNNL_VERSION_MAJOR >= 3)

// Memory descriptors are structs in 2.x and handles in 3.x; both are held here behind one pointer.
#if THREE
typedef dnnl_memory_desc_t layout;
typedef const_dnnl_memory_desc_t layout_view;
#else
typedef dnnl_memory_desc_t *layout;
typedef const dnnl_memory_desc_t *layout_view;
#endif

struct onednn_engine {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
};

struct onednn_primitive {
  dnnl_primitive_desc_t description;
  dnnl_primitive_t primitive;
  layout plain_weights;
  int source, bias, target;
  // Where the layout of the weights, or of their gradient, is asked for.
  dnnl_query_t weights;
};

#define TRY(call)                      \
  do {                                 \
    dnnl_status_t status_ = (call);    \
    if (status_ != dnnl_success) {     \
      status = status_;                \
      goto done;                       \
    }                                  \
  } while (0)

static dnnl_status_t layout_strided(layout *made, int rank, const dnnl_dims_t dims, const dnnl_dims_t strides) {
#if THREE
  return dnnl_memory_desc_create_with_strides(made, rank, dims, dnnl_f32, strides);
#else
  *made = malloc(sizeof(dnnl_memory_desc_t));
  if (!*made) return dnnl_out_of_memory;
  return dnnl_memory_desc_init_by_strides(*made, rank, dims, dnnl_f32, strides);
#endif
}

static dnnl_status_t layout_tagged(layout *made, int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag) {
#if THREE
  return dnnl_memory_desc_create_with_tag(made, rank, dims, dnnl_f32, tag);
#else
  *made = malloc(sizeof(dnnl_memory_desc_t));
  if (!*made) return dnnl_out_of_memory;
  return dnnl_memory_desc_init_by_tag(*made, rank, dims, dnnl_f32, tag);
#endif
}

static void layout_free(layout made) {
  if (!made) return;
#if THREE
  dnnl_memory_desc_destroy(made);
#else
  free(made);
#endif
}

static layout_view layout_of(const onednn_primitive *primitive, dnnl_query_t what) {
  return dnnl_primitive_desc_query_md(primitive->description, what, 0);
}

static size_t layout_size(layout_view view) { return view ? dnnl_memory_desc_get_size(view) : 0; }

const char *onednn_status_text(int status) {
  switch (status) {
    case dnnl_success: return "success";
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "not implemented for this geometry";
    case dnnl_runtime_error: return "an error while running";
    default: return "an unknown error";
  }
}

int onednn_compiled_version(void) {
  return DNNL_VERSION_MAJOR * 10000 + DNNL_VERSION_MINOR * 100 + DNNL_VERSION_PATCH;
}

int onednn_linked_version(void) {
  const dnnl_version_t *version = dnnl_version();
  return version->major * 10000 + version->minor * 100 + version->patch;
}

// The OpenMP runtime is whichever oneDNN brings along, so its function is looked up, not linked.
static void (*set_threads)(int);
static pthread_once_t found_set_threads = PTHREAD_ONCE_INIT;

static void find_set_threads(void) { set_threads = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads"); }

void onednn_use_threads(int count) {
  pthread_once(&found_set_threads, find_set_threads);
  if (set_threads) set_threads(count);
}

int onednn_engine_create(onednn_engine **made) {
  dnnl_status_t status = dnnl_success;
  onednn_engine *engine = calloc(1, sizeof *engine);
  if (!engine) return dnnl_out_of_memory;
  TRY(dnnl_engine_create(&engine->engine, dnnl_cpu, 0));
  TRY(dnnl_stream_create(&engine->stream, engine->engine, dnnl_stream_default_flags));
done:
  if (status != dnnl_success) {
    onednn_engine_destroy(engine);
    return status;
  }
  *made = engine;
  return dnnl_success;
}

void onednn_engine_destroy(onednn_engine *engine) {
  if (!engine) return;
  if (engine->stream) dnnl_stream_destroy(engine->stream);
  if (engine->engine) dnnl_engine_destroy(engine->engine);
  free(engine);
}

static dnnl_status_t attributes(dnnl_primitive_attr_t *made, int rectified) {
  dnnl_status_t status = dnnl_primitive_attr_create(made);
  if (status != dnnl_success) return status;
  status = dnnl_primitive_attr_set_scratchpad_mode(*made, dnnl_scratchpad_mode_user);
  if (status != dnnl_success || !rectified) return status;
  dnnl_post_ops_t after = NULL;
  status = dnnl_post_ops_create(&after);
  if (status != dnnl_success) return status;
#if THREE
  status = dnnl_post_ops_append_eltwise(after, dnnl_eltwise_relu, 0, 0);
#else
  status = dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0);
#endif
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*made, after);
  dnnl_post_ops_destroy(after);
  return status;
}

int onednn_convolution_create(onednn_engine *engine, const onednn_convolution *g, onednn_primitive **made) {
  dnnl_status_t status = dnnl_success;
  dnnl_primitive_attr_t attr = NULL;
  dnnl_primitive_desc_t forward = NULL;
  layout source = NULL, weights = NULL, bias = NULL, target = NULL;
  onednn_primitive *primitive = calloc(1, sizeof *primitive);
  if (!primitive) return dnnl_out_of_memory;
  primitive->weights = g->gradient ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
  int backward = g->transposed || g->gradient;
  dnnl_dims_t strides = {g->stride_rows, g->stride_columns};
  dnnl_dims_t dilations = {g->dilation_rows - 1, g->dilation_columns - 1};
  dnnl_dims_t before = {g->top, g->left};
  dnnl_dims_t after = {g->bottom, g->right};
  int64_t each_in = g->inputs / g->groups, each_out = g->outputs / g->groups;
  int64_t window = g->window_rows * g->window_columns;
  int rank = g->groups > 1 ? 5 : 4;
  dnnl_dims_t grouped = {g->groups, each_out, each_in, g->window_rows, g->window_columns};
  // Outputs x rows x columns x inputs of a group.
  dnnl_dims_t steps = {each_out * window * each_in, window * each_in, 1, g->window_columns * each_in, each_in};
  const int64_t *weight_dims = g->groups > 1 ? grouped : grouped + 1;
  const int64_t *weight_steps = g->groups > 1 ? steps : steps + 1;
  TRY(layout_tagged(&source, 4, (dnnl_dims_t){g->images, g->inputs, g->rows, g->columns}, dnnl_nhwc));
  TRY(layout_tagged(
    &target, 4, (dnnl_dims_t){g->images, g->outputs, g->output_rows, g->output_columns}, dnnl_nhwc));
  TRY(layout_tagged(&weights, rank, weight_dims, dnnl_format_tag_any));
  TRY(layout_strided(&primitive->plain_weights, rank, weight_dims, weight_steps));
  if (g->has_bias) TRY(layout_tagged(&bias, 1, (dnnl_dims_t){g->outputs}, dnnl_a));
  TRY(attributes(&attr, g->rectified));
#if THREE
  TRY(dnnl_convolution_forward_primitive_desc_create(
    &forward, engine->engine, backward ? dnnl_forward_training : dnnl_forward_inference,
    dnnl_convolution_direct, source, weights, bias, target, strides, dilations, before, after,
    backward ? NULL : attr));
#else
  {
    dnnl_convolution_desc_t operation;
    TRY(dnnl_dilated_convolution_forward_desc_init(
      &operation, backward ? dnnl_forward_training : dnnl_forward_inference, dnnl_convolution_direct, source,
      weights, bias, target, strides, dilations, before, after));
    TRY(dnnl_primitive_desc_create(&forward, &operation, backward ? NULL : attr, engine->engine, NULL));
  }
#endif
  if (g->transposed) {
#if THREE
    TRY(dnnl_convolution_backward_data_primitive_desc_create(
      &primitive->description, engine->engine, dnnl_convolution_direct, source, weights, target, strides, dilations,
      before, after, forward, attr));
#else
    dnnl_convolution_desc_t operation;
    TRY(dnnl_dilated_convolution_backward_data_desc_init(
      &operation, dnnl_convolution_direct, source, weights, target, strides, dilations, before, after));
    TRY(dnnl_primitive_desc_create(&primitive->description, &operation, attr, engine->engine, forward));
#endif
    primitive->source = DNNL_ARG_DIFF_DST;
    primitive->target = DNNL_ARG_DIFF_SRC;
  } else if (g->gradient) {
#if THREE
    TRY(dnnl_convolution_backward_weights_primitive_desc_create(
      &primitive->description, engine->engine, dnnl_convolution_direct, source, weights, bias, target, strides,
      dilations, before, after, forward, attr));
#else
    dnnl_convolution_desc_t operation;
    TRY(dnnl_dilated_convolution_backward_weights_desc_init(
      &operation, dnnl_convolution_direct, source, weights, bias, target, strides, dilations, before, after));
    TRY(dnnl_primitive_desc_create(&primitive->description, &operation, attr, engine->engine, forward));
#endif
    primitive->source = DNNL_ARG_SRC;
    primitive->target = DNNL_ARG_DIFF_WEIGHTS;
    primitive->bias = g->has_bias;
  } else {
    primitive->description = forward;
    forward = NULL;
    primitive->source = DNNL_ARG_SRC;
    primitive->target = DNNL_ARG_DST;
    primitive->bias = g->has_bias;
  }
  TRY(dnnl_primitive_create(&primitive->primitive, primitive->description));
done:
  layout_free(source);
  layout_free(weights);
  layout_free(bias);
  layout_free(target);
  if (attr) dnnl_primitive_attr_destroy(attr);
  if (forward) dnnl_primitive_desc_destroy(forward);
  if (status != dnnl_success) {
    onednn_primitive_destroy(primitive);
    return status;
  }
  *made = primitive;
  return dnnl_success;
}

int onednn_product_create(onednn_engine *engine, const onednn_product *g, onednn_primitive **made) {
  dnnl_status_t status = dnnl_success;
  dnnl_primitive_attr_t attr = NULL;
  layout left = NULL, right = NULL, bias = NULL, target = NULL;
  onednn_primitive *primitive = calloc(1, sizeof *primitive);
  if (!primitive) return dnnl_out_of_memory;
  primitive->weights = dnnl_query_weights_md;
  int rank = g->batch > 1 ? 3 : 2;
  int first = rank == 3 ? 0 : 1;
  dnnl_dims_t left_dims = {g->batch, g->rows, g->inner}, left_steps = {g->rows * g->inner, g->inner, 1};
  if (g->left_transposed) {
    left_steps[1] = 1;
    left_steps[2] = g->rows;
  }
  dnnl_dims_t right_dims = {g->batch, g->inner, g->columns};
  dnnl_dims_t right_steps = {g->inner * g->columns, g->columns, 1};
  if (g->right_transposed) {
    right_steps[1] = 1;
    right_steps[2] = g->inner;
  }
  dnnl_dims_t target_dims = {g->batch, g->rows, g->columns}, target_steps = {g->rows * g->columns, g->columns, 1};
  TRY(layout_strided(&left, rank, left_dims + first, left_steps + first));
  TRY(layout_strided(&target, rank, target_dims + first, target_steps + first));
  TRY(layout_strided(&primitive->plain_weights, rank, right_dims + first, right_steps + first));
  if (g->packs_right) {
    TRY(layout_tagged(&right, rank, right_dims + first, dnnl_format_tag_any));
  } else {
    TRY(layout_strided(&right, rank, right_dims + first, right_steps + first));
  }
  if (g->has_bias) TRY(layout_tagged(&bias, 2, (dnnl_dims_t){1, g->columns}, dnnl_ab));
  TRY(attributes(&attr, g->rectified));
#if THREE
  TRY(dnnl_matmul_primitive_desc_create(&primitive->description, engine->engine, left, right, bias, target, attr));
#else
  {
    dnnl_matmul_desc_t operation;
    TRY(dnnl_matmul_desc_init(&operation, left, right, bias, target));
    TRY(dnnl_primitive_desc_create(&primitive->description, &operation, attr, engine->engine, NULL));
  }
#endif
  primitive->source = DNNL_ARG_SRC;
  primitive->target = DNNL_ARG_DST;
  primitive->bias = g->has_bias;
  TRY(dnnl_primitive_create(&primitive->primitive, primitive->description));
done:
  layout_free(left);
  layout_free(right);
  layout_free(bias);
  layout_free(target);
  if (attr) dnnl_primitive_attr_destroy(attr);
  if (status != dnnl_success) {
    onednn_primitive_destroy(primitive);
    return status;
  }
  *made = primitive;
  return dnnl_success;
}

void onednn_primitive_destroy(onednn_primitive *primitive) {
  if (!primitive) return;
  if (primitive->primitive) dnnl_primitive_destroy(primitive->primitive);
  if (primitive->description) dnnl_primitive_desc_destroy(primitive->description);
  layout_free(primitive->plain_weights);
  free(primitive);
}

size_t onednn_primitive_scratch(const onednn_primitive *primitive) {
  return layout_size(layout_of(primitive, dnnl_query_scratchpad_md));
}

size_t onednn_primitive_weights(const onednn_primitive *primitive) {
  return layout_size(layout_of(primitive, primitive->weights));
}

// Appends what tells a layout apart to `count` numbers of at most 64; returns how many there are then.
static int append_layout(layout_view view, int64_t numbers[64], int count) {
  int rank = 0, blocks = 0;
  const int64_t *padded = NULL, *strides = NULL, *sizes = NULL, *axes = NULL;
#if THREE
  const dnnl_dims_t *found[4] = {NULL};
  dnnl_memory_desc_query(view, dnnl_query_ndims_s32, &rank);
  dnnl_memory_desc_query(view, dnnl_query_inner_nblks_s32, &blocks);
  dnnl_memory_desc_query(view, dnnl_query_padded_dims, &found[0]);
  dnnl_memory_desc_query(view, dnnl_query_strides, &found[1]);
  dnnl_memory_desc_query(view, dnnl_query_inner_blks, &found[2]);
  dnnl_memory_desc_query(view, dnnl_query_inner_idxs, &found[3]);
  padded = *found[0], strides = *found[1];
  if (blocks > 0) sizes = *found[2], axes = *found[3];
#else
  const dnnl_blocking_desc_t *blocking = &view->format_desc.blocking;
  rank = view->ndims, blocks = blocking->inner_nblks;
  padded = view->padded_dims, strides = blocking->strides;
  sizes = blocking->inner_blks, axes = blocking->inner_idxs;
#endif
  for (int index = 0; index < rank && count < 64; index++) numbers[count++] = padded[index];
  for (int index = 0; index < rank && count < 64; index++) numbers[count++] = strides[index];
  for (int index = 0; index < blocks && count < 64; index++) numbers[count++] = sizes[index];
  for (int index = 0; index < blocks && count < 64; index++) numbers[count++] = axes[index];
  return count;
}

int onednn_primitive_layout(const onednn_primitive *primitive, int64_t numbers[64]) {
  int count = append_layout(primitive->plain_weights, numbers, 0);
  return append_layout(layout_of(primitive, primitive->weights), numbers, count);
}

static int reorder(onednn_engine *engine, layout_view from_view, const float *from_data, layout_view to_view, float *to_data) {
  dnnl_status_t status = dnnl_success;
  dnnl_primitive_desc_t description = NULL;
  dnnl_primitive_t reorder = NULL;
  dnnl_memory_t from = NULL, to = NULL;
  TRY(dnnl_memory_create(&from, from_view, engine->engine, (void *)from_data));
  TRY(dnnl_memory_create(&to, to_view, engine->engine, to_data));
  TRY(dnnl_reorder_primitive_desc_create(&description, from_view, engine->engine, to_view, engine->engine, NULL));
  TRY(dnnl_primitive_create(&reorder, description));
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  TRY(dnnl_primitive_execute(reorder, engine->stream, 2, arguments));
  TRY(dnnl_stream_wait(engine->stream));
done:
  if (reorder) dnnl_primitive_destroy(reorder);
  if (description) dnnl_primitive_desc_destroy(description);
  if (from) dnnl_memory_destroy(from);
  if (to) dnnl_memory_destroy(to);
  return status;
}

int onednn_reorder(onednn_engine *engine, const onednn_primitive *primitive, const float *plain, float *packed) {
  return reorder(engine, primitive->plain_weights, plain, layout_of(primitive, primitive->weights), packed);
}

int onednn_restore(onednn_engine *engine, const onednn_primitive *primitive, const float *packed, float *plain) {
  return reorder(engine, layout_of(primitive, primitive->weights), packed, primitive->plain_weights, plain);
}

typedef struct {
  int argument;
  layout_view view;
  const void *data;
} operand;

static int execute(onednn_engine *engine, const onednn_primitive *primitive, const operand *operands, int given) {
  dnnl_status_t status = dnnl_success;
  dnnl_memory_t memories[5] = {NULL};
  dnnl_exec_arg_t arguments[5];
  int count = 0;
  for (int index = 0; index < given; index++) {
    if (!operands[index].view) continue;
    TRY(dnnl_memory_create(&memories[count], operands[index].view, engine->engine, (void *)operands[index].data));
    arguments[count].arg = operands[index].argument;
    arguments[count].memory = memories[count];
    count++;
  }
  TRY(dnnl_primitive_execute(primitive->primitive, engine->stream, count, arguments));
  TRY(dnnl_stream_wait(engine->stream));
done:
  for (int index = 0; index < 5; index++) {
    if (memories[index]) dnnl_memory_destroy(memories[index]);
  }
  return status;
}

int onednn_execute(
  onednn_engine *engine, const onednn_primitive *primitive, const float *source, const float *weights,
  const float *bias, float *target, void *scratch) {
  int is_transposed = primitive->source == DNNL_ARG_DIFF_DST;
  operand operands[] = {
    {primitive->source, layout_of(primitive, is_transposed ? dnnl_query_diff_dst_md : dnnl_query_src_md), source},
    {DNNL_ARG_WEIGHTS, layout_of(primitive, dnnl_query_weights_md), weights},
    {primitive->target, layout_of(primitive, is_transposed ? dnnl_query_diff_src_md : dnnl_query_dst_md), target},
    {DNNL_ARG_SCRATCHPAD, layout_of(primitive, dnnl_query_scratchpad_md), scratch},
    {DNNL_ARG_BIAS, dnnl_primitive_desc_query_md(primitive->description, dnnl_query_weights_md, 1), bias},
  };
  return execute(engine, primitive, operands, primitive->bias ? 5 : 4);
}

int onednn_execute_gradient(
  onednn_engine *engine, const onednn_primitive *primitive, const float *source, const float *signal,
  float *weights, float *bias, void *scratch) {
  operand operands[] = {
    {DNNL_ARG_SRC, layout_of(primitive, dnnl_query_src_md), source},
    {DNNL_ARG_DIFF_DST, layout_of(primitive, dnnl_query_diff_dst_md), signal},
    {DNNL_ARG_DIFF_WEIGHTS, layout_of(primitive, dnnl_query_diff_weights_md), weights},
    {DNNL_ARG_SCRATCHPAD, layout_of(primitive, dnnl_query_scratchpad_md), scratch},
    {DNNL_ARG_DIFF_BIAS, dnnl_primitive_desc_query_md(primitive->description, dnnl_query_diff_weights_md, 1), bias},
  };
  return execute(engine, primitive, operands, primitive->bias ? 5 : 4);
}
