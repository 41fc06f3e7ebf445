// SPDX-License-Identifier: MIT

// The functions on cards.

#include "dll.h"

#include <string.h>

const SCARD_IO_REQUEST g_rgSCardT0Pci = {SCARD_PROTOCOL_T0, sizeof(SCARD_IO_REQUEST)};
const SCARD_IO_REQUEST g_rgSCardT1Pci = {SCARD_PROTOCOL_T1, sizeof(SCARD_IO_REQUEST)};
const SCARD_IO_REQUEST g_rgSCardRawPci = {SCARD_PROTOCOL_RAW, sizeof(SCARD_IO_REQUEST)};

static const DWORD protocolBits = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1 | SCARD_PROTOCOL_RAW | SCARD_PROTOCOL_DEFAULT;

static LONG terms(const char *function, DWORD shareMode, DWORD protocols) {
  if (shareMode < SCARD_SHARE_EXCLUSIVE || shareMode > SCARD_SHARE_DIRECT) {
    return refuse(SCARD_E_INVALID_VALUE, function, "dwShareMode is %lu", shareMode);
  }
  if ((protocols & ~protocolBits) != 0) {
    return refuse(SCARD_E_INVALID_VALUE, function, "dwPreferredProtocols is 0x%lx", protocols);
  }
  return SCARD_S_SUCCESS;
}

LONG WINAPI SCardConnectW(SCARDCONTEXT context, LPCWSTR reader, DWORD shareMode, DWORD protocols, LPSCARDHANDLE card,
                          LPDWORD protocol) {
  const char *function = "SCardConnectW";
  DWORD number = 0;
  mayBlock(function);
  CHECK(contextNumber(function, context, &number));
  CHECK(text(function, "szReader", reader));
  CHECK(terms(function, shareMode, protocols));
  CHECK(handleCell(function, "phCard", card));
  CHECK(numberCell(function, "pdwActiveProtocol", protocol));
  Call call = begin(function);
  putNumber(&call, number);
  putText(&call, reader);
  putNumber(&call, shareMode);
  putNumber(&call, protocols);
  const LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) {
    *card = asCard(takeNumber(&call));
    *protocol = takeNumber(&call);
  }
  return end(&call, code);
}

LONG WINAPI SCardReconnect(SCARDHANDLE card, DWORD shareMode, DWORD protocols, DWORD initialization, LPDWORD protocol) {
  const char *function = "SCardReconnect";
  DWORD number = 0;
  mayBlock(function);
  CHECK(cardNumber(function, card, &number));
  CHECK(terms(function, shareMode, protocols));
  if (initialization > SCARD_UNPOWER_CARD) {
    return refuse(SCARD_E_INVALID_VALUE, function, "dwInitialization is %lu", initialization);
  }
  CHECK(numberCell(function, "pdwActiveProtocol", protocol));
  Call call = begin(function);
  putNumber(&call, number);
  putNumber(&call, shareMode);
  putNumber(&call, protocols);
  putNumber(&call, initialization);
  const LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) *protocol = takeNumber(&call);
  return end(&call, code);
}

static LONG onCard(const char *function, SCARDHANDLE card, DWORD disposition) {
  DWORD number = 0;
  mayBlock(function);
  CHECK(cardNumber(function, card, &number));
  if (disposition > SCARD_EJECT_CARD) return refuse(SCARD_E_INVALID_VALUE, function, "dwDisposition is %lu", disposition);
  Call call = begin(function);
  putNumber(&call, number);
  putNumber(&call, disposition);
  return end(&call, ask(&call));
}

LONG WINAPI SCardDisconnect(SCARDHANDLE card, DWORD disposition) {
  return onCard("SCardDisconnect", card, disposition);
}

LONG WINAPI SCardBeginTransaction(SCARDHANDLE card) {
  return onCard("SCardBeginTransaction", card, 0);
}

LONG WINAPI SCardEndTransaction(SCARDHANDLE card, DWORD disposition) {
  return onCard("SCardEndTransaction", card, disposition);
}

LONG WINAPI SCardStatusW(SCARDHANDLE card, LPWSTR names, LPDWORD characters, LPDWORD state, LPDWORD protocol, LPBYTE atr,
                         LPDWORD atrBytes) {
  const char *function = "SCardStatusW";
  DWORD number = 0;
  mayBlock(function);
  CHECK(cardNumber(function, card, &number));
  CHECK(lengthCell(function, "pcchReaderLen", names, characters, sizeof(WCHAR)));
  CHECK(numberCell(function, "pdwState", state));
  CHECK(numberCell(function, "pdwProtocol", protocol));
  CHECK(lengthCell(function, "pcbAtrLen", atr, atrBytes, 1));
  Call call = begin(function);
  putNumber(&call, number);
  LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) {
    *state = takeNumber(&call);
    *protocol = takeNumber(&call);
    const LONG named = giveTaken(&call, 0, sizeof(WCHAR), names, characters);
    code = giveTaken(&call, 0, 1, atr, atrBytes);
    if (named != SCARD_S_SUCCESS) code = named;
  }
  return end(&call, code);
}

static LONG protocolInformation(const char *function, LPCSCARD_IO_REQUEST request) {
  CHECK(readable(function, "pioSendPci", request, sizeof *request));
  if (request->cbPciLength != sizeof *request) {
    return refuse(SCARD_E_INVALID_PARAMETER, function, "cbPciLength is %lu, not %llu", request->cbPciLength,
                  (unsigned long long)sizeof *request);
  }
  switch (request->dwProtocol) {
    case SCARD_PROTOCOL_T0:
    case SCARD_PROTOCOL_T1:
    case SCARD_PROTOCOL_RAW:
      return SCARD_S_SUCCESS;
    default:
      return refuse(SCARD_E_PROTO_MISMATCH, function, "dwProtocol is %lu", request->dwProtocol);
  }
}

LONG WINAPI SCardTransmit(SCARDHANDLE card, LPCSCARD_IO_REQUEST sent, LPCBYTE command, DWORD commandBytes,
                          LPSCARD_IO_REQUEST received, LPBYTE response, LPDWORD responseBytes) {
  const char *function = "SCardTransmit";
  DWORD number = 0;
  mayBlock(function);
  CHECK(cardNumber(function, card, &number));
  CHECK(protocolInformation(function, sent));
  CHECK(readable(function, "pbSendBuffer", command, commandBytes));
  CHECK(lengthCell(function, "pcbRecvLength", response, responseBytes, 1));
  if (response == NULL) return refuse(SCARD_E_INVALID_PARAMETER, function, "pbRecvBuffer is NULL");
  if (received != NULL) CHECK(writable(function, "pioRecvPci", received, sizeof *received));
  Call call = begin(function);
  putNumber(&call, number);
  putNumber(&call, sent->dwProtocol);
  putBytes(&call, command, commandBytes);
  LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) {
    code = giveTaken(&call, 0, 1, response, responseBytes);
    if (received != NULL) *received = (SCARD_IO_REQUEST){sent->dwProtocol, sizeof *received};
  }
  if (call.sent != NULL) SecureZeroMemory(call.sent, call.used);
  return end(&call, code);
}

LONG WINAPI SCardControl(SCARDHANDLE card, DWORD controlCode, LPCVOID input, DWORD inputBytes, LPVOID output,
                         DWORD outputBytes, LPDWORD returnedBytes) {
  const char *function = "SCardControl";
  DWORD number = 0, room = outputBytes;
  mayBlock(function);
  CHECK(cardNumber(function, card, &number));
  // CTL_CODE puts the device type into the high word: all codes of smart cards have FILE_DEVICE_SMARTCARD there.
  if (controlCode >> 16 != FILE_DEVICE_SMARTCARD) {
    return refuse(SCARD_E_INVALID_VALUE, function, "dwControlCode is 0x%lx, which is no SCARD_CTL_CODE", controlCode);
  }
  if (inputBytes > 0) CHECK(readable(function, "lpInBuffer", input, inputBytes));
  if (outputBytes > 0) CHECK(writable(function, "lpOutBuffer", output, outputBytes));
  CHECK(numberCell(function, "lpBytesReturned", returnedBytes));
  *returnedBytes = 0;
  Call call = begin(function);
  putNumber(&call, number);
  putNumber(&call, controlCode);
  putBytes(&call, input, inputBytes);
  LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) {
    DWORD bytes = 0;
    const BYTE *value = takeBytes(&call, &bytes);
    *returnedBytes = bytes;
    if (bytes > room) code = SCARD_E_INSUFFICIENT_BUFFER;
    else if (bytes > 0) memcpy(output, value, bytes);
  }
  if (call.sent != NULL) SecureZeroMemory(call.sent, call.used);
  return end(&call, code);
}

LONG WINAPI SCardGetAttrib(SCARDHANDLE card, DWORD attribute, LPBYTE value, LPDWORD bytes) {
  const char *function = "SCardGetAttrib";
  DWORD number = 0;
  mayBlock(function);
  CHECK(cardNumber(function, card, &number));
  CHECK(lengthCell(function, "pcbAttrLen", value, bytes, 1));
  Call call = begin(function);
  putNumber(&call, number);
  putNumber(&call, attribute);
  LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) code = giveTaken(&call, 0, 1, value, bytes);
  return end(&call, code);
}

LONG WINAPI SCardSetAttrib(SCARDHANDLE card, DWORD attribute, LPCBYTE value, DWORD bytes) {
  const char *function = "SCardSetAttrib";
  DWORD number = 0;
  mayBlock(function);
  CHECK(cardNumber(function, card, &number));
  if (bytes > 0) CHECK(readable(function, "pbAttr", value, bytes));
  Call call = begin(function);
  putNumber(&call, number);
  putNumber(&call, attribute);
  putBytes(&call, value, bytes);
  return end(&call, ask(&call));
}

EXPORTED SCardGetTransmitCount(SCARDHANDLE card, LPDWORD count) {
  const char *function = "SCardGetTransmitCount";
  DWORD number = 0;
  CHECK(cardNumber(function, card, &number));
  CHECK(numberCell(function, "pcTransmitCount", count));
  Call call = begin(function);
  putNumber(&call, number);
  const LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) *count = takeNumber(&call);
  return end(&call, code);
}
