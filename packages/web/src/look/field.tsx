import { type InputHTMLAttributes, useId } from 'react'

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string
  readonly hint?: string | undefined
  readonly problem?: string | undefined
  /** Where a dialog begins. */
  readonly 'data-first'?: boolean
}

/** A line to fill in, with its name, a hint, and what is wrong with what stands there. */
export function Field({ label, hint, problem, ...input }: FieldProps) {
  const id = useId()
  const below = problem ?? hint
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        {...input}
        id={id}
        aria-invalid={problem !== undefined}
        aria-describedby={below === undefined ? undefined : `${id}-below`}
      />
      {below !== undefined && (
        <p id={`${id}-below`} className={problem === undefined ? 'hint' : 'hint wrong'}>
          {below}
        </p>
      )}
    </div>
  )
}
