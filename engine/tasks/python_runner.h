#pragma once

namespace millrace {

// The program that serves one function version, for `python3 -I -c`. Its arguments are the
// handler's module, the handler's name, the memory limit in MB and the time limit in ms; its
// working directory holds the code. It reads requests from descriptor 3 and writes answers to
// descriptor 4, each a frame: 4 bytes of length, big-endian, then JSON text.
//
//   once     <- {"ready":true}
//   request  -> {"n":7,"event":EVENT,"context":{"function_name":...}}
//   answer   <- {"n":7,"result":VALUE}
//            <- {"n":7,"error":NAME,"cause":TEXT}, with "last":true if it serves no more.
//               n is 0 if memory was out before it was known.
//
// It runs requests one by one in their order, and writes an answer before it starts the next
// request: whoever is first in line when it dies is the one that it was running.
extern const char kPythonRunner[];

}  // namespace millrace
