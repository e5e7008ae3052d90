#include "service/operator_service.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"
#include "service/checks.h"
#include "service/convert/times.h"

namespace millrace::service {
namespace {

using Request = v1::CheckIntegrityRequest;

constexpr int kFindingsDefault = 100;
constexpr int kFindingsMax = 1000;
constexpr absl::Duration kLookAgainAfterMax = absl::Seconds(60);

struct Asked {
  IntegrityOptions options;
  int findings_max = kFindingsDefault;
};

FoldScope FoldScopeOf(const Request& request, FieldChecks* checks) {
  switch (request.fold()) {
    case Request::FOLD_SCOPE_UNSPECIFIED:
    case Request::SAMPLE:
      return FoldScope::kSample;
    case Request::NONE:
      return FoldScope::kNone;
    case Request::ALL:
      return FoldScope::kAll;
    default:
      checks->Add("fold", absl::StrCat(request.fold(), " is none of NONE, SAMPLE and ALL"));
      return FoldScope::kNone;
  }
}

Asked AskedBy(const Request& request, FieldChecks* checks) {
  Asked asked;
  asked.options.fold = FoldScopeOf(request, checks);
  checks->NotNegative("findings_max", request.findings_max());
  if (request.findings_max() > 0) {
    asked.findings_max = std::min(request.findings_max(), kFindingsMax);
  }
  if (request.has_look_again_after()) {
    const absl::Duration after = FromProto("look_again_after", request.look_again_after(), checks);
    if (after < absl::ZeroDuration() || after > kLookAgainAfterMax) {
      checks->Add("look_again_after", "it is 0 s to 60 s");
    }
    asked.options.look_again_after = after;
  }
  return asked;
}

v1::IntegrityFinding ToProto(const IntegrityFinding& finding) {
  v1::IntegrityFinding proto;
  proto.set_execution_uid(finding.key.uuid.ToString());
  proto.set_execution(finding.name);
  proto.set_code(std::string(CodeOf(finding.rule)));
  proto.set_severity(IsNote(finding.rule) ? v1::IntegrityFinding::NOTE
                                          : v1::IntegrityFinding::DAMAGE);
  proto.set_message(finding.words);
  return proto;
}

int32_t Count(int64_t number) {
  return static_cast<int32_t>(std::min<int64_t>(number, std::numeric_limits<int32_t>::max()));
}

absl::StatusOr<v1::CheckIntegrityResponse> Answer(const IntegritySources& sources,
                                                  const Asked& asked) {
  v1::CheckIntegrityResponse response;
  const auto add = [&](const IntegrityFinding& finding) {
    if (response.findings_size() < asked.findings_max) {
      *response.add_findings() = ToProto(finding);
    } else {
      response.set_has_more(true);
    }
  };
  MILLRACE_ASSIGN_OR_RETURN(const IntegrityReport report,
                            millrace::CheckIntegrity(sources, asked.options, add));
  response.set_damage_count(Count(report.damage));
  response.set_note_count(Count(report.notes));
  response.set_execution_count(Count(report.executions));
  response.set_folded_count(Count(report.folded));
  response.set_live_server_count(report.live_nodes);
  return response;
}

}  // namespace

void OperatorService::Check(const Request& request, const std::shared_ptr<PendingCall>& call) {
  FieldChecks checks;
  Asked asked = AskedBy(request, &checks);
  if (!checks.ok()) return call->End(checks.status());
  if (is_checking_.exchange(true)) return call->End(errors::TooManyRequests("integrity checks"));
  asked.options.may_go_on = [call] { return !call->ended(); };
  calls_->Join(call);
  call->OnEnd([calls = calls_, weak = std::weak_ptr<OpenCall>(call)] {
    if (const auto ended = weak.lock(); ended != nullptr) calls->Leave(ended);
  });
  const bool submitted = checks_.Submit([this, asked = std::move(asked), call] {
    absl::StatusOr<v1::CheckIntegrityResponse> answer = absl::InternalError("no answer");
    Calls::Guard(*call, [&] { answer = Answer(sources_, asked); });
    // Before the answer: its client may ask for another check at once.
    is_checking_ = false;
    call->Answer(answer);
  });
  if (submitted) return;
  is_checking_ = false;
  call->End(errors::TooManyRequests("integrity checks"));
}

grpc::ServerUnaryReactor* OperatorService::CheckIntegrity(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* request,
                                                          grpc::ByteBuffer* response) {
  return calls_->Receive<Request>(
      context, request, response,
      [this](const Caller&, const auto& parsed, const auto& call) { Check(parsed, call); });
}

}  // namespace millrace::service
