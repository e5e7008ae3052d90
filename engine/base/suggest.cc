#include "engine/base/suggest.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace millrace {
namespace {

constexpr size_t kNameBytesMax = 80;  // a longer name is not compared
constexpr size_t kDistanceMax = 3;

// How many letters are to be inserted, removed or replaced, or `limit` + 1 if more than that.
size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit) return limit + 1;
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    size_t least = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced =
          diagonal + (absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      least = std::min(least, row[j]);
    }
    if (least > limit) return limit + 1;
  }
  return row[b.size()];
}

}  // namespace

absl::string_view Nearest(absl::string_view name,
                          const std::vector<absl::string_view>& candidates) {
  if (name.size() > kNameBytesMax || candidates.size() > kCandidatesMax) return "";
  size_t best = std::min(kDistanceMax, name.size() / 3) + 1;
  absl::string_view nearest;
  for (const absl::string_view candidate : candidates) {
    if (candidate.size() > kNameBytesMax) continue;
    const size_t distance = EditDistance(name, candidate, best - 1);
    if (distance >= best) continue;
    best = distance;
    nearest = candidate;
    if (best == 0) break;
  }
  return nearest;
}

std::string DidYouMean(absl::string_view name, const std::vector<absl::string_view>& candidates) {
  const absl::string_view nearest = Nearest(name, candidates);
  return nearest.empty() ? "." : absl::StrCat("; did you mean '", nearest, "'?");
}

}  // namespace millrace
