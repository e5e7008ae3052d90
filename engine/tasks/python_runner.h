#pragma once

namespace millrace {

// The program that serves one function version, for `python3 -I`. Its arguments are the handler's
// module, the handler's name, the memory limit in MB, the time limit in ms, and whether all that
// its user runs is this function ("own") or not ("shared"); its working directory holds the code.
// It reads requests from descriptor 3 and writes answers to descriptor 4, each a frame: 4 bytes of
// length, big-endian, then JSON text, to the byte as it stands here.
//
//   once     <- {"ready":true}
//   request  -> {"n":7,"event":EVENT,"context":{"function_name":...}}
//   answer   <- {"n":7,"result":VALUE}
//            <- {"n":7,"error":NAME,"cause":TEXT}, with "last":true if it serves no more.
//               n is 0 if memory was out before it was known.
//
// It is two processes. The one that was started only supervises: it takes in orphans, and when the
// other one, which serves, has ended, it writes that one's wait status to descriptor 5 as a decimal
// number, ends all their descendants and itself. It does the same when it gets SIGTERM. Where it is
// the first process of a PID namespace the kernel helps: no descendant outlives it.
extern const char kPythonRunner[];

}  // namespace millrace
