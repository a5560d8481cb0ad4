/** Type, then the length of all but the type. */
const HEAD_BYTES = 5
const QUERY = 'Q'
const PARSE = 'P'

/** For `loseNextReply`: whether a client of PostgreSQL asks to carry out a statement that fits. */
export function isStatement(pattern: RegExp): (request: Buffer) => boolean {
  return (request) => statements(request).some((statement) => pattern.test(statement))
}

/** For `loseNextReply`: whether a client of PostgreSQL asks to end a transaction that is to last. */
export const isCommit = isStatement(/^\s*(commit|end)\b/i)

/** Clients write a message at once, so that a chunk begins with one. */
function statements(chunk: Buffer): readonly string[] {
  const found: string[] = []
  for (let at = 0; at + HEAD_BYTES <= chunk.length; at += 1 + chunk.readUInt32BE(at + 1)) {
    const type = chunk.toString('latin1', at, at + 1)
    if (type === QUERY) found.push(textAt(chunk, at + HEAD_BYTES).text)
    // The name it gets comes before the statement.
    if (type === PARSE) found.push(textAt(chunk, textAt(chunk, at + HEAD_BYTES).end).text)
  }
  return found
}

function textAt(chunk: Buffer, begin: number): { readonly text: string; readonly end: number } {
  const zero = chunk.indexOf(0, begin)
  const end = zero < 0 ? chunk.length : zero
  return { text: chunk.toString('utf8', begin, end), end: end + 1 }
}
