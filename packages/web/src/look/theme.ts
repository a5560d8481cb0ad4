import { Cell } from '@roomlog/client'
import { keep, readKept } from '../state/kept.ts'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'roomlog.theme'
const cell = new Cell<Theme>('system')

/** Light or dark: as the system has it, or as was chosen here. */
export const theme = {
  get: cell.get,
  subscribe: cell.subscribe,
  start(): void {
    show(THEMES.find((it) => it === readKept(KEY)) ?? 'system')
  },
  choose(choice: Theme): void {
    keep(KEY, choice === 'system' ? undefined : choice)
    show(choice)
  },
}

function show(choice: Theme): void {
  const { dataset } = document.documentElement
  if (choice === 'system') delete dataset.theme
  else dataset.theme = choice
  cell.set(choice)
}
