-- What a router was told of an item, as a digest: a submission of which the item says something else by now is renewed.
ALTER TABLE submission ADD COLUMN told text;
