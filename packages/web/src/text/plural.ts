export interface Forms {
  readonly one?: string
  readonly other: string
}

/** A counted text in a language; `#` stands for the number. */
export function pluralIn(language: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(language)
  const numbers = new Intl.NumberFormat(language)
  return (count, forms) => {
    const form = rules.select(count) === 'one' ? (forms.one ?? forms.other) : forms.other
    return form.replace('#', numbers.format(count))
  }
}
