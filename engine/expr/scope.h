#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "engine/json/json.h"

namespace millrace {

using Variables = absl::flat_hash_map<std::string, Json>;

// Has the context object, or makes it when an expression first asks for it: few do.
class ContextSource {
 public:
  virtual const Json& Context() = 0;

 protected:
  ~ContextSource() = default;
};

// What an expression may refer to. All outlive the evaluation.
struct Scope {
  const Json* data = nullptr;               // `$`
  const Json* context = nullptr;            // `$$`, the context object,
  ContextSource* context_source = nullptr;  // or who knows it
  const Variables* variables = nullptr;     // `$name`; nullptr where there are none
  // What States.UUID and States.MathRandom draw from; each draw changes it. A step fills it from
  // the snapshot's seed, so that a repeated step draws the same.
  uint64_t* random_state = nullptr;
  // How much all evaluations together may still look at, in values (a text is several); below zero
  // when one ran out, whose result then means nothing. nullptr where nobody counts.
  int64_t* visits_left = nullptr;
  // How much text the values may still have, as JSON, that intrinsic functions make for templates:
  // they are all in memory until the template is filled in. nullptr where nobody counts.
  int64_t* made_bytes_left = nullptr;

  // What takes as long as looking at so many values. False: there is not that much left.
  bool Charge(size_t visits) const {
    if (visits_left == nullptr) return true;
    *visits_left -= static_cast<int64_t>(visits);
    return *visits_left >= 0;
  }
  // A value that was made, and stays. False: there is no room for that much.
  bool Keep(const Json& made) const {
    if (made_bytes_left == nullptr) return true;
    *made_bytes_left -= static_cast<int64_t>(made.TextSize());
    return *made_bytes_left >= 0;
  }
};

}  // namespace millrace
