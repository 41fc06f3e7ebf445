// SPDX-License-Identifier: MIT

#include "transcript.h"

#include <reader.h>
#include <stdio.h>
#include <string.h>

static void exchanges(void) {
  static const char echo[] = "\x80\x10\0\0\3abc";
  static BYTE answer[LONGEST], command[LONGEST];
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card = connect_shared(in), direct;
  SCARD_IO_REQUEST raw = {77, sizeof raw}, received = {77, sizeof received};
  DWORD length, protocol;
  SEND("exchange", card, "\x80\x10\0\0\3abc");
  SEND("exchange of a header", card, "\x80\x40\0\0");
  SEND("exchange of an unknown command", card, "\0\xA4\4\0");
  SEND("exchange, 256 bytes", card, "\x80\x20\1\0");
  SEND("exchange, 20000 bytes", card, "\x80\x20\x4E\x20");
  SEND("exchange with a wrong handle", BAD, "\x80\x10\0\0\3abc");
  memcpy(command, "\x80\x10\0\0\0\x07\xD0", 7);
  send_command("exchange of 2007 bytes", card, (char *)command, 2007);
  send_command("exchange of 65538 bytes", card, (char *)command, 65538 - 4);
  send_command("exchange of 66000 bytes", card, (char *)command, 66000);
  send_command("exchange of one byte too short", card, echo, 3);
  length = sizeof answer;
  LONG rv = SCardTransmit(card, NULL, (LPCBYTE)echo, 8, NULL, answer, &length);
  result("exchange without a protocol", "SCardTransmit", rv);
  length = sizeof answer;
  rv = SCardTransmit(card, SCARD_PCI_T0, (LPCBYTE)echo, 8, NULL, answer, &length);
  result("exchange with the other protocol", "SCardTransmit", rv);
  length = sizeof answer;
  rv = SCardTransmit(card, SCARD_PCI_RAW, (LPCBYTE)echo, 8, NULL, answer, &length);
  result("exchange raw", "SCardTransmit", rv);
  length = sizeof answer;
  rv = SCardTransmit(card, &raw, (LPCBYTE)echo, 8, NULL, answer, &length);
  result("exchange with an unknown protocol", "SCardTransmit", rv);
  length = sizeof answer;
  rv = SCardTransmit(card, SCARD_PCI_T1, (LPCBYTE)echo, 8, &received, answer, &length);
  call("exchange with a received protocol", "SCardTransmit", rv, " protocol=%lu length=%lu",
       (unsigned long)received.dwProtocol, (unsigned long)received.cbPciLength);
  length = 4;
  rv = SCardTransmit(card, SCARD_PCI_T1, (LPCBYTE)echo, 8, NULL, answer, &length);
  call("exchange into 4 bytes of 5", "SCardTransmit", rv, " length=%lu", (unsigned long)length);
  length = 1;
  rv = SCardTransmit(card, SCARD_PCI_T1, (LPCBYTE)echo, 8, NULL, answer, &length);
  result("exchange into 1 byte", "SCardTransmit", rv);
  rv = SCardTransmit(card, SCARD_PCI_T1, NULL, 8, NULL, answer, &length);
  result("exchange of NULL", "SCardTransmit", rv);
  rv = SCardTransmit(card, SCARD_PCI_T1, (LPCBYTE)echo, 8, NULL, NULL, &length);
  result("exchange into NULL", "SCardTransmit", rv);
  rv = SCardTransmit(card, SCARD_PCI_T1, (LPCBYTE)echo, 8, NULL, answer, NULL);
  result("exchange without a length", "SCardTransmit", rv);
  SEND("exchange after all that", card, "\x80\x10\0\0\3abc");
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  SEND("exchange after the end", card, "\x80\x10\0\0\3abc");
  SCardConnect(in, readers[0], SCARD_SHARE_DIRECT, 0, &direct, &protocol);
  SEND("exchange over a direct connection", direct, "\x80\x10\0\0\3abc");
  SCardDisconnect(direct, SCARD_LEAVE_CARD);
  SCardConnect(in, readers[1], SCARD_SHARE_DIRECT, 0, &direct, &protocol);
  SEND("exchange with an empty reader", direct, "\x80\x10\0\0\3abc");
  SCardDisconnect(direct, SCARD_LEAVE_CARD);
  SCardReleaseContext(in);
}

static void attribute(const char *label, SCARDHANDLE card, DWORD id) {
  BYTE value[MAX_BUFFER_SIZE];
  DWORD length = sizeof value;
  LONG rv = SCardGetAttrib(card, id, value, &length);
  if (rv != SCARD_S_SUCCESS) {
    result(label, "SCardGetAttrib", rv);
    return;
  }
  call(label, "SCardGetAttrib", rv, " %s", hex(value, length));
}

static void attributes(void) {
  static const struct { const char *label; DWORD id; } wanted[] = {
    {"attribute, ATR", SCARD_ATTR_ATR_STRING},
    {"attribute, vendor", SCARD_ATTR_VENDOR_NAME},
    {"attribute, type", SCARD_ATTR_VENDOR_IFD_TYPE},
    {"attribute, version", SCARD_ATTR_VENDOR_IFD_VERSION},
    {"attribute, channel", SCARD_ATTR_CHANNEL_ID},
    {"attribute, protocols", SCARD_ATTR_ASYNC_PROTOCOL_TYPES},
    {"attribute, protocol", SCARD_ATTR_CURRENT_PROTOCOL_TYPE},
    {"attribute, presence", SCARD_ATTR_ICC_PRESENCE},
    {"attribute, interface", SCARD_ATTR_ICC_INTERFACE_STATUS},
    {"attribute, type of card", SCARD_ATTR_ICC_TYPE_PER_ATR},
    {"attribute, longest input", SCARD_ATTR_MAXINPUT},
    {"attribute, name in wide characters", SCARD_ATTR_DEVICE_FRIENDLY_NAME_W},
    {"attribute, unknown", 0x00011234},
  };
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card = connect_shared(in);
  BYTE value[MAX_BUFFER_SIZE], *allocated = NULL;
  for (size_t at = 0; at < sizeof wanted / sizeof *wanted; at++) attribute(wanted[at].label, card, wanted[at].id);
  DWORD length = sizeof value;
  LONG rv = SCardGetAttrib(card, SCARD_ATTR_DEVICE_FRIENDLY_NAME_A, value, &length);
  call("attribute, name", "SCardGetAttrib", rv, " right=%d", strcmp((char *)value, readers[0]) == 0);
  length = sizeof value;
  rv = SCardGetAttrib(card, SCARD_ATTR_DEVICE_SYSTEM_NAME_A, value, &length);
  call("attribute, system's name", "SCardGetAttrib", rv, " right=%d", strcmp((char *)value, readers[0]) == 0);
  rv = SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, NULL, &length);
  call("length of an attribute", "SCardGetAttrib", rv, " length=%lu", (unsigned long)length);
  length = 3;
  rv = SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, value, &length);
  call("attribute into 3 bytes", "SCardGetAttrib", rv, " length=%lu", (unsigned long)length);
  length = SCARD_AUTOALLOCATE;
  rv = SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, (LPBYTE)&allocated, &length);
  call("attribute, allocated", "SCardGetAttrib", rv, " %s", rv == SCARD_S_SUCCESS ? hex(allocated, length) : "");
  plain("free the attribute", SCardFreeMemory(in, allocated));
  plain("attribute without a length", SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, value, NULL));
  attribute("attribute of a wrong handle", BAD, SCARD_ATTR_ATR_STRING);
  plain("set an attribute", SCardSetAttrib(card, SCARD_ATTR_SUPRESS_T1_IFS_REQUEST, (LPCBYTE)"\1", 1));
  plain("set the ATR", SCardSetAttrib(card, SCARD_ATTR_ATR_STRING, (LPCBYTE)"abc", 3));
  plain("set an attribute to NULL", SCardSetAttrib(card, SCARD_ATTR_ATR_STRING, NULL, 3));
  plain("set an attribute to nothing", SCardSetAttrib(card, SCARD_ATTR_ATR_STRING, (LPCBYTE)"abc", 0));
  plain("set an attribute of a wrong handle", SCardSetAttrib(BAD, SCARD_ATTR_ATR_STRING, (LPCBYTE)"abc", 3));
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  SCardReleaseContext(in);
}

static void control(const char *label, SCARDHANDLE card, DWORD code, DWORD room) {
  BYTE answer[MAX_BUFFER_SIZE];
  DWORD length = 77;
  LONG rv = SCardControl(card, code, "", 0, answer, room, &length);
  if (rv != SCARD_S_SUCCESS) {
    call(label, "SCardControl", rv, " length=%lu", (unsigned long)length);
    return;
  }
  call(label, "SCardControl", rv, " %s", hex(answer, length));
}

static void controls(void) {
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card = connect_shared(in), direct;
  DWORD protocol, length;
  BYTE answer[16];
  control("control, features", card, CM_IOCTL_GET_FEATURE_REQUEST, MAX_BUFFER_SIZE);
  control("control, an unknown code", card, SCARD_CTL_CODE(2000), MAX_BUFFER_SIZE);
  control("control of a wrong handle", BAD, CM_IOCTL_GET_FEATURE_REQUEST, MAX_BUFFER_SIZE);
  plain("control with no place for a length",
        SCardControl(card, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, answer, sizeof answer, NULL));
  plain("control with no place for an answer",
        SCardControl(card, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, NULL, 0, &length));
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  SCardConnect(in, readers[1], SCARD_SHARE_DIRECT, 0, &direct, &protocol);
  control("control of an empty reader", direct, CM_IOCTL_GET_FEATURE_REQUEST, MAX_BUFFER_SIZE);
  attribute("attribute of an empty reader, ATR", direct, SCARD_ATTR_ATR_STRING);
  attribute("attribute of an empty reader, presence", direct, SCARD_ATTR_ICC_PRESENCE);
  SCardDisconnect(direct, SCARD_LEAVE_CARD);
  SCardReleaseContext(in);
}

void exchanging(void) {
  exchanges();
  attributes();
  controls();
}
