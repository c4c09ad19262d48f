"""Row c: the backlog index beside a heap and Redis: memory, rates, exactness, a Monday's opening, reload, growth."""
