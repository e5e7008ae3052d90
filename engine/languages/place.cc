#include "engine/languages/place.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace millrace {

std::string EscapePointer(absl::string_view key) {
  return absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}});
}

Place Place::At(absl::string_view key) const {
  Place place;
  place.parent_ = this;
  place.key_ = key;
  return place;
}

Place Place::At(size_t index) const {
  Place place;
  place.parent_ = this;
  place.index_ = index;
  place.is_index_ = true;
  return place;
}

std::string Place::Pointer() const {
  std::vector<const Place*> chain;
  for (const Place* place = this; place->parent_ != nullptr; place = place->parent_) {
    chain.push_back(place);
  }
  std::string pointer;
  for (auto place = chain.rbegin(); place != chain.rend(); ++place) {
    if ((*place)->is_index_) {
      absl::StrAppend(&pointer, "/", (*place)->index_);
    } else {
      absl::StrAppend(&pointer, "/", EscapePointer((*place)->key_));
    }
  }
  return pointer;
}

}  // namespace millrace
