#ifndef UI_VERSION_H
#define UI_VERSION_H

#define CLUTCH_VERSION "0.1"

#endif
