/**
 * klass - names of symbols and classes.
 */
#pragma once

#include "hotspot/vm.h"

/**
 * The text of a Symbol, copied into the JVM's arena; NULL if it cannot be read. Any bytes
 * of the target, with a NUL behind them.
 * Source: oops/symbol.hpp (JDK 8 to 26).
 */
const char *ms_symbol_text(struct ms_vm *vm, uint64_t symbol);

/**
 * The name of a class as Java has it: "java.lang.String", "byte[]". NULL if it cannot be
 * read. A hidden class keeps its slash: "Main$$Lambda/0x…".
 * Source: oops/klass.cpp external_name().
 */
const char *ms_klass_name(struct ms_vm *vm, uint64_t klass);

/**
 * A name within the JVM ("[Ljava/lang/String;", "java/lang/String") as Java has it; in
 * the JVM's arena, NULL without memory.
 */
const char *ms_class_name_external(struct ms_vm *vm, const char *internal);
