import type { Rest } from '../session/rest.ts'

/** Which edge to connect to: any that the api names but the one that was just lost. */
export class EdgeUrls {
  readonly #rest: Rest
  readonly #random: () => number
  #urls: readonly string[] = []
  #last: string | undefined

  constructor(rest: Rest, random: () => number) {
    this.#rest = rest
    this.#random = random
  }

  /** `isFresh`: the api is asked again; where it does not answer, what it said before goes on. */
  async choose(isFresh: boolean): Promise<string> {
    if (isFresh || this.#urls.length === 0) {
      try {
        this.#urls = (await this.#rest.call<{ wsUrls: string[] }>('/config')).wsUrls
      } catch (error) {
        if (this.#urls.length === 0) throw error
      }
    }
    const others = this.#urls.filter((url) => url !== this.#last)
    const choice = others.length > 0 ? others : this.#urls
    this.#last = choice[Math.floor(this.#random() * choice.length)]
    if (this.#last === undefined) throw new Error('the api names no edge')
    return this.#last
  }
}
