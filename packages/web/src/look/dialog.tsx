import { type MouseEvent, type ReactNode, useId, useLayoutEffect, useRef } from 'react'
import { useTexts } from '../text/use-texts.ts'
import { CloseIcon } from './icons.tsx'
import './dialog.css'

interface DialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
}

/**
 * Before all else, until it is closed: the browser keeps the focus inside, and puts it back where it was. It begins at what
 * is marked `data-first`, if anything is.
 */
export function Dialog({ title, onClose, children }: DialogProps) {
  const t = useTexts()
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  // Closed before it is taken away: only then the browser gives the focus back.
  useLayoutEffect(() => {
    const dialog = ref.current
    if (dialog !== null && !dialog.open) dialog.showModal()
    dialog?.querySelector<HTMLElement>('[data-first]')?.focus()
    return () => dialog?.close()
  }, [])
  const clicked = (event: MouseEvent) => {
    if (event.target === ref.current) onClose()
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={id}
      onClick={clicked}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <div className="dialog-inside">
        <header className="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" className="icon-button" onClick={onClose} aria-label={t.close}>
            <CloseIcon />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  )
}
