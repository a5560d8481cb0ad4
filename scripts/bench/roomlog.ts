import { ROOT, Stack, type StackOptions } from '../chaos/stack.ts'
import { makePage } from '../start/page.ts'
import { systemEnvironment } from '../start/services.ts'
import { readSettings } from '../start/settings.ts'
import { createTerminal } from '../start/terminal.ts'

const ONE_OF_EACH = { edges: 1, persisters: 1, brokers: 1, proxied: false } as const

/** A Roomlog on servers of its own, ready; it ends with the block that uses it. */
export async function roomlogOf(
  options: Partial<StackOptions> & Pick<StackOptions, 'engine'>,
): Promise<Stack> {
  const stack = await Stack.prepare({ ...ONE_OF_EACH, ...options }, createTerminal(process.stderr))
  try {
    await stack.startAll()
    return stack
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}

/** As `roomlogOf`, with the chat page. */
export async function roomlogWithPage(options: Parameters<typeof roomlogOf>[0]): Promise<Stack> {
  const { env } = readSettings(process.env, ROOT)
  await makePage(ROOT, systemEnvironment(env), new AbortController().signal)
  return roomlogOf(options)
}
