const FIN_AND_TEXT = 0x81
/** What stands in the second byte is the length itself, or says how many bytes of it follow. */
const LENGTH_IN_2 = 126
const LENGTH_IN_8 = 127

/**
 * A whole text message of WebSocket with its header, as a server sends it (RFC 6455, 5.2): the same bytes for every socket,
 * written at once. In memory of its own: a slice of the pool that small buffers share would hold its 8 KiB for as long as
 * it waits for a client that does not read.
 */
export function wireFrame(payload: Uint8Array): Buffer {
  const { length } = payload
  const headerBytes = length < LENGTH_IN_2 ? 2 : length < 2 ** 16 ? 4 : 10
  const frame = Buffer.allocUnsafeSlow(headerBytes + length)
  frame[0] = FIN_AND_TEXT
  if (headerBytes === 2) {
    frame[1] = length
  } else if (headerBytes === 4) {
    frame[1] = LENGTH_IN_2
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = LENGTH_IN_8
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.set(payload, headerBytes)
  return frame
}

/** Frames as one piece, for sockets that are written the same ones: made once, one write for each. In memory of its own, as a frame is. */
export function joined(frames: readonly Buffer[]): Buffer {
  const [first] = frames
  if (first !== undefined && frames.length === 1) return first
  const all = Buffer.allocUnsafeSlow(frames.reduce((bytes, { length }) => bytes + length, 0))
  let at = 0
  for (const frame of frames) {
    all.set(frame, at)
    at += frame.length
  }
  return all
}
