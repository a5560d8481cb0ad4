import { connect, type Socket } from 'node:net'

const HEAD_END = '\r\n\r\n'

/**
 * GETs one after the other on a connection that is kept, for answers whose length is told. It looks at no more of them
 * than it must: a client that works as hard as the server measures itself.
 */
export class KeepAlive {
  readonly #host: string
  readonly #port: number
  readonly #headers: string
  #socket: Socket | undefined
  #waiting: PromiseWithResolvers<void> | undefined
  /** Of the head, as far as it has come; undefined: it is complete. */
  #head: string | undefined = ''
  /** Of the body. */
  #missingBytes = 0

  constructor(url: string, token: string) {
    const { hostname, port, host } = new URL(url)
    this.#host = hostname
    this.#port = Number(port)
    this.#headers = `host: ${host}\r\nauthorization: Bearer ${token}`
  }

  /** Resolves at the last byte; rejects unless it is 200. */
  get(path: string): Promise<void> {
    this.#waiting = Promise.withResolvers()
    // The server ends a connection after so many answers.
    if (this.#socket === undefined || !this.#socket.writable) this.#open()
    this.#socket?.write(`GET ${path} HTTP/1.1\r\n${this.#headers}\r\n\r\n`)
    return this.#waiting.promise
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): void {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    socket.on('data', (data) => this.#received(data))
    socket.on('error', (error) => this.#waiting?.reject(error))
    socket.on('end', () => this.#waiting?.reject(new Error('the server ended a connection')))
    this.#socket = socket
  }

  #received(data: Buffer): void {
    if (this.#head === undefined) this.#missingBytes -= data.length
    else this.#readHead(this.#head + data.toString('latin1'))
    if (this.#head !== undefined || this.#missingBytes > 0) return
    this.#head = ''
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve()
  }

  #readHead(text: string): void {
    const end = text.indexOf(HEAD_END)
    this.#head = end === -1 ? text : undefined
    if (end === -1) return
    const head = text.slice(0, end)
    if (!head.startsWith('HTTP/1.1 200')) this.#waiting?.reject(new Error(`answered with ${text}`))
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1])
    this.#missingBytes = length - (text.length - end - HEAD_END.length)
    if (/^connection: *close/im.test(head)) this.#socket = undefined
  }
}
