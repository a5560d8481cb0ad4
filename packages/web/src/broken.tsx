import { Component, type ReactNode } from 'react'
import { language } from './text/language.ts'
import { TEXTS } from './text/use-texts.ts'

interface Props {
  readonly children: ReactNode
}

/** Stands in for a page that cannot be drawn: what was written is kept, and a reload goes on with it. */
export class Broken extends Component<Props, { readonly isBroken: boolean }> {
  override state = { isBroken: false }

  static getDerivedStateFromError() {
    return { isBroken: true }
  }

  override render() {
    if (!this.state.isBroken) return this.props.children
    const t = TEXTS[language.get()]
    return (
      <main className="place" role="alert">
        <h1>{t.pageBroke}</h1>
        <button type="button" className="button primary" onClick={() => location.reload()}>
          {t.reload}
        </button>
      </main>
    )
  }
}
