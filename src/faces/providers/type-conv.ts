// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import { badPointer, checkArray, checkNumber } from "./arguments.ts";
import { CByteBuffer, contentOf, type IByteBuffer } from "./byte-buffer.ts";
import { ComError } from "./com-error.ts";
import { MAX_BUFFER_BYTES, MemoryStream } from "./memory-stream.ts";

/**
 * Converts between byte buffers and other containers of bytes. Byte arrays and SAFEARRAYs are both `Uint8Array` here, so
 * that few programs need it.
 *
 * @see ISCardTypeConv, Microsoft
 */
export interface ISCardTypeConv {
  /** A buffer with a copy of the first `arraySize` bytes of an array; all of them by default. @throws E_POINTER, E_INVALIDARG */
  ConvertByteArrayToByteBuffer(array: Uint8Array, arraySize?: number): IByteBuffer;
  /** A copy of what is in a buffer. @throws E_POINTER */
  ConvertByteBufferToByteArray(buffer: IByteBuffer): Uint8Array;
  /** A copy of what is in a buffer. @throws E_POINTER */
  ConvertByteBufferToSafeArray(buffer: IByteBuffer): Uint8Array;
  /** A buffer with a copy of an array. @throws E_POINTER */
  ConvertSafeArrayToByteBuffer(array: Uint8Array): IByteBuffer;
  /** An array of that many bytes, all 0. @throws E_INVALIDARG, E_OUTOFMEMORY */
  CreateByteArray(allocSize: number): Uint8Array;
  /** A buffer of that many bytes, all 0, ready to be used. @throws E_INVALIDARG, E_OUTOFMEMORY */
  CreateByteBuffer(allocSize: number): IByteBuffer;
  /** An array of that many bytes, all 0. @throws E_INVALIDARG, E_OUTOFMEMORY */
  CreateSafeArray(allocSize: number): Uint8Array;
  /** Releases memory from GetAtIStreamMemory. @throws E_POINTER, E_INVALIDARG (it is not of this stream) */
  FreeIStreamMemoryPtr(stream: MemoryStream, memory: Uint8Array): void;
  /**
   * The memory of a stream itself: what is written there is in the stream. Until it is given back the stream cannot grow
   * beyond the room that it has, and fails with E_OUTOFMEMORY.
   *
   * @throws E_POINTER
   */
  GetAtIStreamMemory(stream: MemoryStream): Uint8Array;
  /** Size of a stream in bytes. @throws E_POINTER */
  SizeOfIStream(stream: MemoryStream): number;
}

/** The base provider's conversions. */
export class CSCardTypeConv implements ISCardTypeConv {
  ConvertByteArrayToByteBuffer(array: Uint8Array, arraySize: number = array?.length): IByteBuffer {
    checkArray("array", array);
    checkNumber("arraySize", arraySize, 0, array.length);
    return CByteBuffer.of(array.subarray(0, arraySize));
  }

  ConvertByteBufferToByteArray(buffer: IByteBuffer): Uint8Array {
    return contentOf(buffer, "buffer");
  }

  ConvertByteBufferToSafeArray(buffer: IByteBuffer): Uint8Array {
    return contentOf(buffer, "buffer");
  }

  ConvertSafeArrayToByteBuffer(array: Uint8Array): IByteBuffer {
    checkArray("array", array);
    return CByteBuffer.of(copyBytes(array));
  }

  CreateByteArray(allocSize: number): Uint8Array {
    return allocate(allocSize);
  }

  CreateByteBuffer(allocSize: number): IByteBuffer {
    return CByteBuffer.of(allocate(allocSize));
  }

  CreateSafeArray(allocSize: number): Uint8Array {
    return allocate(allocSize);
  }

  FreeIStreamMemoryPtr(stream: MemoryStream, memory: Uint8Array): void {
    checkStream(stream);
    checkArray("memory", memory);
    stream.unpoint(memory);
  }

  GetAtIStreamMemory(stream: MemoryStream): Uint8Array {
    return checkStream(stream).point();
  }

  SizeOfIStream(stream: MemoryStream): number {
    return checkStream(stream).size;
  }
}

function allocate(size: number): Uint8Array {
  checkNumber("allocSize", size, 0, Number.MAX_SAFE_INTEGER);
  if (size > MAX_BUFFER_BYTES)
    throw new ComError("E_OUTOFMEMORY", `allocSize is ${size}; the limit is ${MAX_BUFFER_BYTES} bytes`);
  return new Uint8Array(size);
}

function checkStream(stream: MemoryStream): MemoryStream {
  if (!(stream instanceof MemoryStream)) throw badPointer("stream", stream, "pass the Stream of a byte buffer");
  return stream;
}
