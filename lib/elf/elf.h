/**
 * elf - core files, images and notes: bytes of ELF files as data.
 *
 * Everything reads through a source (source.h) and believes nothing it reads.
 */
#pragma once

#include "elf/core.h"
#include "elf/image.h"
#include "elf/note.h"
#include "elf/source.h"
