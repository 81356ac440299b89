/* Of links.c, for the figures by number. */
#ifndef LINKS_H
#define LINKS_H

#include "scenario.h"

unsigned link_count(nvmlDevice_t device);

#endif
