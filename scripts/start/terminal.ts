/** What a watching person sees: steps that end in ✓ and a time, and lines that concern them. */
export interface Terminal {
  /** Shows the title while the work goes on, and ✓, what `describe` makes of the result and the time when it is done. */
  step<T>(title: string, work: Promise<T>, describe: (result: T) => string): Promise<T>
  line(text: string): void
}

const ERASE_LINE = '\r\u001b[K'

export function createTerminal(output: NodeJS.WriteStream): Terminal {
  let pending = ''
  // A pending step has no line end yet: what else is to be said goes above it.
  const above = (text: string) => {
    if (!output.isTTY) return void output.write(`${text}\n`)
    output.write(`${ERASE_LINE}${text}\n${pending}`)
  }
  const step = async <T>(title: string, work: Promise<T>, describe: (result: T) => string) => {
    const startedAt = performance.now()
    pending = `… ${title}`
    if (output.isTTY) output.write(pending)
    try {
      const result = await work
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      pending = ''
      above(`✓ ${describe(result)}  ${seconds} s`)
      return result
    } catch (error) {
      pending = ''
      if (output.isTTY) output.write(ERASE_LINE)
      throw error
    }
  }
  return { step, line: above }
}
