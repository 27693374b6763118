"""Redaction: personal data out, consistent stand-ins in, before anything leaves the store.

Covered, with the evidence that finds it:

- **Tenant directory** (HR data of the client): every listed name, address, IBAN, phone, national id,
  e-mail and employee id, whatever its case, diacritics, spacing or punctuation; names also as
  "Last, First", initial plus surname, and, where the context supports it (salutation, sign-off, title,
  or the full name elsewhere in the same ticket), as a first name or surname alone.
- **Checksums and shapes** (not in the directory): IBAN, payment cards, BIC near a word for it, national
  identifiers of some 40 countries, phone numbers, e-mail addresses, employee ids of the shape the
  directory uses. Identifiers with weak checksums count only near a word that announces them or where
  they belong to the ticket's country. A number right after such a word ("NI number:", "Konto-Nr.")
  counts even when its checksum is wrong: people mistype. Any bare run of 10 to 16 digits counts, too.
- **Best effort**: names outside the directory in a sign-off, after "my name is", or after a title;
  birth dates after a word for birth.

Not covered: names outside the directory elsewhere in prose; addresses outside the directory; amounts,
dates and free descriptions that single a person out ("the only expat in our Oslo office"); bank and
client names (organisations, not persons); text inside attachments; scripts without spaces around names.
Redacted text is therefore pseudonymised, not anonymous, and stays confidential.

Stand-ins look like what they replace ("hiding in plain sight"), so that a model trained on redacted text
reads the same kind of text later, and a value that was missed is not conspicuous. The same value gets the
same stand-in wherever one salt is used; without the salt the choice cannot be reproduced.
"""
