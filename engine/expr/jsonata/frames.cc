#include <algorithm>

#include "engine/expr/jsonata/evaluation.h"

// Frames, which come and go with every call: those that nothing refers to are used again.

namespace millrace::jsonata_internal {
namespace {

constexpr uint32_t kSmallFrame = 4;

}  // namespace

Frame* Evaluation::NewFrame(Frame* parent, uint32_t capacity) {
  if (capacity <= kSmallFrame && free_frames_ != nullptr) {
    Frame* frame = free_frames_;
    free_frames_ = frame->parent;
    frame->parent = parent;
    return frame;
  }
  auto* frame = arena_.New<Frame>();
  frame->parent = parent;
  frame->capacity = std::max(capacity, kSmallFrame);
  frame->bindings = arena_.NewArray<Binding>(frame->capacity);
  return frame;
}

void Evaluation::FreeFrame(Frame* frame) {
  if (frame->is_captured || frame->capacity != kSmallFrame) return;
  frame->size = 0;
  frame->parent = free_frames_;
  free_frames_ = frame;
}

// All frames around a captured one are captured already, or are now.
void Evaluation::Capture(Frame* frame) {
  for (; frame != nullptr && !frame->is_captured; frame = frame->parent) frame->is_captured = true;
}

void Evaluation::Bind(Frame* frame, uint32_t name, const Value& value) {
  Steps(frame->size / 16);
  for (uint32_t i = 0; i < frame->size; ++i) {
    if (frame->bindings[i].name != name) continue;
    frame->bindings[i].value = value;
    return;
  }
  if (frame->size == frame->capacity) {
    const uint32_t capacity = std::max<uint32_t>(2 * kSmallFrame, 2 * frame->capacity);
    auto* bindings = arena_.NewArray<Binding>(capacity);
    std::copy_n(frame->bindings, frame->size, bindings);
    frame->bindings = bindings;
    frame->capacity = capacity;
  }
  frame->bindings[frame->size++] = {.name = name, .value = value};
}

Value Evaluation::Lookup(uint32_t name, const Frame* frame) {
  for (; frame != nullptr; frame = frame->parent) {
    Steps(frame->size / 16);
    for (uint32_t i = 0; i < frame->size; ++i) {
      if (frame->bindings[i].name == name) return frame->bindings[i].value;
    }
  }
  return name < globals_.size() ? globals_[name] : Value();
}

}  // namespace millrace::jsonata_internal
