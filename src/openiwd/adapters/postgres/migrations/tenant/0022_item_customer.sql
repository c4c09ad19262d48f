-- One customer's items, as searches ask for them: a new item costs an entry only where it names its customer.
CREATE INDEX item_customer ON item ((ext ->> 'customerId')) WHERE ext ->> 'customerId' IS NOT NULL;
